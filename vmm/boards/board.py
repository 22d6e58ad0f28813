"""What a board is given to build itself from, and what a machine gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from vmm.errors import VmmError, unknown
from vmm.wiring import Clock, Line, MmioDevice, PortDevice, Stop


class BusLike(Protocol):
    """The bus as boards use it; see vmm/bus.py."""

    def line(self, number: int) -> Line: ...

    def connect(self, number: int, sink: int, pin: int) -> None: ...

    def add_ports(self, device: PortDevice, *ranges: tuple[int, int]) -> None: ...

    def add_native_ports(self, first: int, count: int, handler: int, index: int) -> None: ...

    def add_memory(self, device: MmioDevice, first: int, count: int) -> None: ...


class Memory(Protocol):
    """RAM by physical address."""

    size: int
    """Bytes."""

    def write(self, address: int, data: bytes) -> None: ...


@dataclass(frozen=True)
class Parts:
    """Everything a board wires together."""

    bus: BusLike
    clock: Clock
    stop: Stop
    console: Callable[[bytes], None]
    """Takes what the first serial port sends."""
    a20: Callable[[bool], None]
    memory: Memory
    pic_write: Callable[[int, int, int], None]
    """Write (chip, A0, value) to the 8259A pair."""
    cpus: int
    cmdline: str
    options: Mapping[str, str]


@dataclass
class Board:
    """What was built: devices by name, controllers' views by name, and what each line is called."""

    devices: dict[str, Any] = field(default_factory=dict)
    line_names: dict[int, str] = field(default_factory=dict)


def switch(options: Mapping[str, str], name: str, default: bool) -> bool:
    """The value of an on/off option of a board; VmmError for anything else."""
    text = options.get(name, "on" if default else "off")
    if text not in ("on", "off"):
        raise VmmError(f"--board: {name}={text!r} must be on or off")
    return text == "on"


def check_options(board: str, options: Mapping[str, str], known: tuple[str, ...]) -> None:
    """VmmError, with the nearest right name, for an option the board does not have."""
    for name in options:
        if name not in known:
            raise unknown(f"option of board {board}", name, known)
