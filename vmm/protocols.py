"""What a device is given by its board: lines to drive, a clock to live by, memory to reach by itself (DMA), and
somebody to tell what it has for its driver.

Devices see only these protocols. In a machine they are backed by the native core (`vmm/core/`); in a
device's own tests by a few lines of plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

FOREVER = 0xFFFFFFFF
"""`Wave.start(toggles=FOREVER)`: the wave never ends."""
ASLEEP = 0x100
"""In the code of a run that `EndRun` ends as idle; bits 7 to 0 are the state's number."""


class Line(Protocol):
    """One driver's end of a line, which is high while any of its drivers holds it high (wired OR)."""

    def set(self, level: bool) -> None:
        """Hold the line high (True) or let go (False)."""


class SwitchedLine(Line, Protocol):
    """A driver's end as its board has it: with a switch between it and the line."""

    def connect(self, connected: bool) -> None:
        """Off the line (False) the driver's level is not felt; back in (True), its level of that moment is."""


class Timer(Protocol):
    """Calls back once when virtual time reaches a deadline."""

    def at(self, deadline_ns: int) -> None:
        """Arm, replacing any earlier deadline. One in the past fires at the next boundary."""

    def cancel(self) -> None:
        """Disarm; harmless when idle."""


class Wave(Protocol):
    """A driver that toggles its line by itself at exact ticks of a clock, without a callback.

    Tick k happens at origin_ns + k * 1e9 * hz_den / hz_num, rounded up to a nanosecond: no drift, whatever the rate.
    """

    def start(
        self,
        *,
        origin_ns: int,
        hz_num: int,
        hz_den: int,
        level: bool,
        first_tick: int,
        high_ticks: int = 0,
        low_ticks: int = 0,
        toggles: int = FOREVER,
    ) -> None:
        """Drive `level` now and toggle at `first_tick`, then after `high_ticks` or `low_ticks` by turns."""

    def stop(self, level: bool) -> None:
        """End the wave and hold `level`."""


class Clock(Protocol):
    """Virtual time, in nanoseconds since power-on."""

    def now(self) -> int: ...

    def timer(self, callback: Callable[[], None]) -> Timer: ...

    def wave(self, line: Line) -> Wave: ...


class Memory(Protocol):
    """Guest RAM, and flash from address 0 where there is any, by physical address: what a device with DMA is given."""

    @property
    def base(self) -> int:
        """The first address of RAM."""

    @property
    def size(self) -> int:
        """Bytes of RAM."""

    @property
    def rom_size(self) -> int:
        """Bytes of flash; 0: none."""

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM and flash."""

    def write(self, address: int, data: bytes) -> None:
        """VmmError outside RAM and flash. Code that a vCPU has translated from there is translated anew."""


class Work(Protocol):
    """What a device has for its driver, told to those who look on: no guest feels it. Works are numbered from 0 on."""

    def comes(self, number: int) -> None: ...

    def asked(self, number: int) -> None:
        """The device wants to interrupt, for all up to this one."""

    def done(self, number: int) -> None:
        """The driver has told the device so."""

    def set_up(self) -> None:
        """The driver says when it wants to be asked."""


class PortDevice(Protocol):
    """A device on I/O ports. The bus splits accesses wider than `port_width` bytes into narrow ones, low byte first."""

    port_width: int

    def port_read(self, port: int, size: int) -> int:
        """The value at `port` (its absolute number); `size` in bytes, at most `port_width`."""

    def port_write(self, port: int, size: int, value: int) -> None: ...


class PcDevice(PortDevice, Protocol):
    """One that has its usual place in a PC."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]]
    """(first, count) of its port ranges."""


class MmioDevice(Protocol):
    """A device in physical memory; `address` is absolute, `size` is 1, 2, 4 or 8 bytes."""

    def mmio_read(self, address: int, size: int) -> int: ...

    def mmio_write(self, address: int, size: int, value: int) -> None: ...


class EndRun(Protocol):
    """How a device ends the run (a power-off, a debug exit, a reset)."""

    def __call__(self, reason: str, code: int = 0) -> None:
        """`reason` is one of "exit", with the guest's status as `code`, "poweroff", "reset", and "idle" where the guest
        has asked for a sleeping state that nothing ends: ASLEEP and the state's number.
        """
