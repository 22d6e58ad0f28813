"""What a board is given to build itself from, and what a machine gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vmm.arch.architecture import Processor
from vmm.arch.boot import Bios
from vmm.errors import VmmError, unknown
from vmm.protocols import Clock, EndRun, Memory, MmioDevice, PortDevice, SwitchedLine, Work

if TYPE_CHECKING:
    from vmm._native import vmm_machine

MOST_QUANTUM = 1_000_000
"""Instructions of a turn."""
DIGITS = 20
"""Of a number at most; there is a length that Python refuses to take for one."""


class BusLike(Protocol):
    """The bus as boards use it; see vmm/core/bus.py."""

    def line(self, number: int) -> SwitchedLine: ...

    def work(self, number: int) -> Work: ...

    def connect(self, number: int, *ends: tuple[str, int]) -> None: ...

    def add_ports(self, device: PortDevice, *ranges: tuple[int, int], owner: str | None = None) -> None: ...

    def add_native_ports(self, first: int, count: int, owner: str, index: int) -> None: ...

    def add_native_memory(self, first: int, count: int, owner: str, index: int) -> None: ...

    def add_memory(self, device: MmioDevice, first: int, count: int, owner: str | None = None) -> None: ...


@dataclass(frozen=True)
class Alias:
    """RAM that is seen, to be read and executed, at a second place behind the devices; whole pages."""

    first: int
    """Physical address of the second place."""
    of: int
    """Physical address of the RAM."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Layout:
    """What must be known of a board before its first vCPU exists."""

    ram_base: int
    """Physical."""
    most_ram: int
    """Bytes."""
    devices: tuple[int, int]
    """First physical address of devices, and the one behind the last."""
    floating: bool
    """Addresses among them that nobody decodes read as ones; else such an access ends the run."""
    most_cpus: int
    rom: int = 0
    """Bytes of flash from physical address 0."""
    alias: Alias | None = None
    controller: Callable[[Any, int], int] | None = None
    """Makes in the core's machine, for so many vCPUs, the controller that vCPUs are built against; gives what `check`
    takes."""
    features: Mapping[str, bool] = field(default_factory=dict)
    """What `Processor.add` is told of each vCPU."""
    quantum: int = 1000
    """Instructions of a vCPU's turn."""


@dataclass(frozen=True)
class Parts:
    """Everything a board wires together."""

    native: vmm_machine
    """The core's machine, for its own controllers."""
    bus: BusLike
    clock: Clock
    stop: EndRun
    boot_again: Callable[[], None]
    """Starts the image over once the present instruction is done: `Board.hand_over`, then the image is loaded and
    entered as at first. A machine without an image ends with "reset".
    """
    console: Callable[[bytes], None]
    """Takes what the guest writes past the first serial port, which the core tells of itself."""
    memory: Memory
    """For its firmware, and for devices with DMA."""
    cpus: Sequence[Any]
    processor: Processor
    cmdline: str
    options: Mapping[str, str]


@dataclass
class Board:
    """What was built: devices and controllers by name, what each line is called, and what vCPUs may call."""

    name: str
    console: str
    """Which of the devices is the first serial port."""
    devices: dict[str, Any] = field(default_factory=dict)
    line_names: dict[int, str] = field(default_factory=dict)
    drivers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """By line, which of the devices drive it. Its `asserted`, if it has that, says which status bits hold it."""
    irqs: int = 0
    """Lines 0 to one less are interrupts that are called by their numbers; the others have names of their own."""
    hand_over: Callable[[], None] | None = None
    """Leaves controllers, vCPUs and the firmware's part of RAM as firmware does that is about to start an image."""
    device_tree: Callable[[tuple[int, int] | None], bytes] | None = None
    """Given the initrd's addresses, the blob for an image that wants one."""
    bios: Bios | None = None
    """What is told to a kernel that asks no firmware itself."""
    screen: Callable[[], list[str]] | None = None
    """The rows of text that its display shows."""
    firmware: Callable[[Any], int | None] | None = None
    """Answers the firmware call of this vCPU; None: the call does not return."""
    host_call: Callable[[Any], int | None] | None = None
    """Answers its semihosting call; None: it is none."""

    def _repr_html_(self) -> str:
        from vmm.boards.notebook import board

        return board(self)


def switch(options: Mapping[str, str], name: str, default: bool) -> bool:
    """The value of an on/off option of a board; VmmError for anything else."""
    text = options.get(name, "on" if default else "off")
    if text not in ("on", "off"):
        raise VmmError(f"--board: {name}={text!r} must be on or off")
    return text == "on"


def choice(options: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """The value of an option of few values, the first by default; VmmError for anything else."""
    value = options.get(name, values[0])
    if value not in values:
        raise VmmError(f"--board: {name}={value!r} must be {' or '.join(values)}")
    return value


def number(options: Mapping[str, str], name: str, default: int, most: int) -> int:
    """The value of a numeric option of a board, from 1 to `most`; VmmError for anything else."""
    text = options.get(name, str(default))
    if not text.isdecimal() or len(text) > DIGITS or not 0 < int(text) <= most:
        raise VmmError(f"--board: {name}={text!r} must be a number from 1 to {most}")
    return int(text)


def check_options(board: str, options: Mapping[str, str], known: tuple[str, ...]) -> None:
    """VmmError, with the nearest right name, for an option the board does not have."""
    for name in options:
        if name not in known:
            raise unknown(f"option of board {board}", name, known)
