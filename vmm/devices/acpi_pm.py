"""ACPI fixed hardware of a PIIX4: event and control registers, the power management timer's events, soft power-off.

Source: ACPI specification 6.5, section 4.8 "ACPI Register Model"; PIIX4 datasheet, "Power Management I/O Space
Registers". PM_TMR itself, which guests poll, is a counter of the core, with the rate and width given here. The machine
starts in ACPI mode (no SMI command port), so SCI_EN always reads as set. The only sleeping state is S5, whose SLP_TYP
is 0 as in QEMU's `pc`. A guest that enables another one is never woken and would look for WAK_STS for
ever (ACPI 4.8.3.2, 16.1): its run ends.
"""

from __future__ import annotations

from typing import ClassVar

from vmm.devices.rate import Rate
from vmm.protocols import ASLEEP, Clock, EndRun, Line

PM_TIMER = Rate(3_579_545)
TIMER_MASK = 0xFFFFFF
TIMER_HALF = 1 << 23
"""Ticks between changes of the timer's top bit, each of which is a timer event."""

STATUS, ENABLE, CONTROL = 0x0, 0x2, 0x4  # offsets from PMBASE
TIMER_PORTS = (0x608, 4)
"""Of PM_TMR, at PMBASE + 8."""

TIMER_EVENT = 0x0001
ENABLE_WRITABLE = 0x0521  # TMR_EN, GBL_EN, PWRBTN_EN, RTC_EN

SCI_ENABLED = 0x0001
SLEEP_TYPE = 0x1C00
CONTROL_WRITABLE = 0x0002 | SLEEP_TYPE  # with BM_RLD
SLEEP_ENABLE = 0x2000  # write-only
SLEEP_TYPE_AT = 10  # its lowest bit
SLEEP_TYPE_S5 = 0


class AcpiPm:
    """The PM1a blocks at PMBASE, any multiple of 16; `sci` is level-triggered."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x600, 6),)
    port_width = 1

    def __init__(self, *, clock: Clock, sci: Line, stop: EndRun) -> None:
        self._clock = clock
        self._sci = sci
        self._stop = stop
        self._timer = clock.timer(self._refresh)
        self.reset()

    def reset(self) -> None:
        self.status = self.enable = 0
        self.control = SCI_ENABLED
        self.refreshed_ns = self._clock.now()
        self._refresh()

    @property
    def asserted(self) -> str:
        """The status bits that hold the line, in words; empty: none does."""
        return "TMR_STS (bit 0 of PM1_STS)" if self.status & self.enable & TIMER_EVENT else ""

    def port_read(self, port: int, size: int) -> int:
        self._refresh()
        registers = {STATUS: self.status, ENABLE: self.enable, CONTROL: self.control}
        offset = port & 0xF
        start = max(register for register in registers if register <= offset)
        return registers[start] >> 8 * (offset - start) & 0xFF

    def port_write(self, port: int, size: int, value: int) -> None:
        self._refresh()
        shift = 8 * (port & 1)
        kept = ~(0xFF << shift)
        value <<= shift
        register = port & 0xE
        if register == STATUS:
            self.status &= ~value
        elif register == ENABLE:
            self.enable = (self.enable & kept | value) & ENABLE_WRITABLE
        elif register == CONTROL:
            self.control = (self.control & kept | value) & CONTROL_WRITABLE | SCI_ENABLED
            if value & SLEEP_ENABLE:
                self._sleep((self.control & SLEEP_TYPE) >> SLEEP_TYPE_AT)
        self._refresh()

    def _sleep(self, kind: int) -> None:
        """Into the state of this SLP_TYP."""
        if kind == SLEEP_TYPE_S5:
            self._stop("poweroff")
        else:
            self._stop("idle", ASLEEP | kind)

    def _refresh(self) -> None:
        """Bring the timer event to the present, and set the line and the next event's deadline."""
        now = self._clock.now()
        halves = PM_TIMER.ticks(now) // TIMER_HALF
        if halves != PM_TIMER.ticks(self.refreshed_ns) // TIMER_HALF:
            self.status |= TIMER_EVENT
        self.refreshed_ns = now
        pending = bool(self.status & self.enable & TIMER_EVENT)
        self._sci.set(pending)
        if self.enable & TIMER_EVENT and not pending:
            self._timer.at(PM_TIMER.ns((halves + 1) * TIMER_HALF))
        else:
            self._timer.cancel()
