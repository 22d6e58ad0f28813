"""Arm PrimeCell real-time clock PL031. Source: Arm DDI0224, chapter 3 "Programmer's Model".

It counts virtual seconds from power-on and runs from the start, as firmware leaves it. Nothing ticks by itself: matches
are found when somebody looks, and a deadline is set only while the guest has the interrupt enabled, so that an idle
machine is seen to be idle.
"""

from __future__ import annotations

from datetime import datetime, timezone

from vmm.devices.rate import SECOND
from vmm.devices.rtc import DEFAULT_START
from vmm.protocols import Clock, Line

MEMORY = (0x09010000, 0x1000)
"""Where QEMU's virt has it; any multiple of 4 KiB will do."""

WORD = 0xFFFFFFFF

DR = 0x00
MR = 0x04
LR = 0x08
CR = 0x0C
IMSC = 0x10
RIS = 0x14
MIS = 0x18
ICR = 0x1C
PERIPH_ID_0 = 0xFE0

CR_RUNNING = 1
INTERRUPT = 1
"""The one bit of IMSC, RIS, MIS and ICR."""

IDENTIFICATION = dict(zip(range(PERIPH_ID_0, 0x1000, 4), (0x31, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1), strict=True))
"""RTCPeriphID0-3 and RTCPCellID0-3."""


def unix_time(date: datetime) -> int:
    """Seconds from 1970 to `date`, a time of day in UTC."""
    return int(date.replace(tzinfo=timezone.utc).timestamp())


class Pl031:
    """The clock; `start` is what it counts from at power-on, in UTC. `irq` is RTCINTR."""

    def __init__(self, *, clock: Clock, irq: Line, start: datetime = DEFAULT_START) -> None:
        self._clock = clock
        self._irq = irq
        self._start = start
        self._timer = clock.timer(self._refresh)
        self._readers = {
            DR: lambda: self._count,
            MR: lambda: self.match,
            LR: lambda: self.load,
            CR: lambda: CR_RUNNING,
            IMSC: lambda: self.mask,
            RIS: lambda: self.raw,
            MIS: lambda: self.raw & self.mask,
        }
        self._writers = {MR: self._write_mr, LR: self._write_lr, IMSC: self._write_imsc, ICR: self._write_icr}
        self.reset()

    def reset(self) -> None:
        """The state at power-on, the date included."""
        self.power_on_ns = self._clock.now()
        self.refreshed = 0  # seconds since power-on when matches were last looked for
        self.offset = unix_time(self._start)  # of the counter, from seconds since power-on
        self.match = self.load = self.mask = self.raw = 0
        self._drive()

    @property
    def asserted(self) -> str:
        """The status bits that hold the line, in words; empty: none does."""
        return "RTCRIS bit 0" if self.raw & self.mask else ""

    def mmio_read(self, address: int, size: int) -> int:
        self._refresh()
        offset = address & 0xFFF
        if offset in self._readers:
            return self._readers[offset]()
        return IDENTIFICATION.get(offset, 0)

    def mmio_write(self, address: int, size: int, value: int) -> None:
        self._refresh()
        offset = address & 0xFFF
        if offset in self._writers:
            self._writers[offset](value & WORD)
        self._drive()

    def _write_mr(self, value: int) -> None:
        self.match = value
        self._compare()

    def _write_lr(self, value: int) -> None:
        """Sets the counter; the next second comes when it would have come anyway, from the free-running 1 Hz clock."""
        self.load = value
        self.offset = value - self.refreshed
        self._compare()

    def _write_imsc(self, value: int) -> None:
        self.mask = value & INTERRUPT

    def _write_icr(self, value: int) -> None:
        self.raw &= ~value

    @property
    def _count(self) -> int:
        return (self.offset + self.refreshed) & WORD

    def _compare(self) -> None:
        if self._count == self.match:
            self.raw = INTERRUPT

    def _until_match(self) -> int:
        """Seconds from the last refresh to the next match, 1 to 2**32."""
        return ((self.match - self._count - 1) & WORD) + 1

    def _refresh(self) -> None:
        seconds = (self._clock.now() - self.power_on_ns) // SECOND
        if seconds - self.refreshed >= self._until_match():
            self.raw = INTERRUPT
        self.refreshed = seconds
        self._drive()

    def _drive(self) -> None:
        self._irq.set(bool(self.raw & self.mask))
        if self.mask and not self.raw:
            self._timer.at(self.power_on_ns + (self.refreshed + self._until_match()) * SECOND)
        else:
            self._timer.cancel()
