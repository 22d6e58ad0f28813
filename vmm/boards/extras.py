"""Devices that a board has where its options ask for them (`audio=on`): the same on every board, at its own places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from vmm.boards.board import Board, Parts, switch
from vmm.devices import audio, nic
from vmm.devices.audio import Audio
from vmm.devices.nic import Nic
from vmm.protocols import MmioDevice, SwitchedLine

Message = Callable[[int, int], object]
"""Writes a message (MSI) of 32 bits to an address; one that leads nowhere is lost."""


class Place(NamedTuple):
    """Where a board has one."""

    first: int
    """Physical address."""
    line: int


def _audio(parts: Parts, line: int, irq: SwitchedLine, message: Message) -> MmioDevice:
    return Audio(clock=parts.clock, irq=irq, memory=parts.memory)


def _nic(parts: Parts, line: int, irq: SwitchedLine, message: Message) -> MmioDevice:
    return Nic(clock=parts.clock, irq=irq, memory=parts.memory, work=parts.bus.work(line), message=message)


MAKES = {"audio": (_audio, audio.SIZE), "nic": (_nic, nic.SIZE)}
"""By option, which is the device's name, too: what makes it, and the bytes of its registers."""
OPTIONS = tuple(MAKES)


def drivers(places: Mapping[str, Place]) -> dict[int, tuple[str, ...]]:
    """By line, which of them drives it."""
    return {place.line: (name,) for name, place in places.items()}


def add(parts: Parts, board: Board, places: Mapping[str, Place], message: Message) -> None:
    """Those that are asked for."""
    for name, (make, size) in MAKES.items():
        if switch(parts.options, name, False):
            first, line = places[name]
            board.devices[name] = device = make(parts, line, parts.bus.line(line), message)
            parts.bus.add_memory(device, first, size)
