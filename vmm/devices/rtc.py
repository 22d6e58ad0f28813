"""Motorola MC146818 real-time clock with 128 bytes of CMOS memory, at ports 70h and 71h.

Source: Motorola MC146818A datasheet; the PC's century byte and NMI mask from the IBM PC/AT Technical Reference.
Nothing runs from second to second: the registers are brought up to date when somebody looks, and a deadline is set only
for an interrupt that the guest has enabled, so that an idle machine is seen to be idle. Daylight saving (register B,
DSE) is kept as a bit and not acted upon, as in the chips of later PCs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import ClassVar

from vmm.devices.bcd import from_bcd, to_bcd
from vmm.devices.rate import SECOND, Rate
from vmm.protocols import Clock, Line

DEFAULT_START = datetime(2024, 1, 1)
"""A Monday."""

DIVIDER = Rate(32_768)
"""The watch crystal."""

SIZE = 128
NMI_MASK = 0x80  # of what is written to port 70h; the rest is the register

SECONDS, SECONDS_ALARM = 0x00, 0x01
MINUTES, MINUTES_ALARM = 0x02, 0x03
HOURS, HOURS_ALARM = 0x04, 0x05
WEEKDAY, DAY, MONTH, YEAR = 0x06, 0x07, 0x08, 0x09
CENTURY = 0x32

REGISTER_A = 0x0A
A_UIP = 0x80  # update in progress
A_DIVIDER_RESET = 0x60  # 11x
A_RATE = 0x0F

REGISTER_B = 0x0B
B_SET = 0x80
B_UIE = 0x10
B_BINARY = 0x04
B_24_HOURS = 0x02

REGISTER_C = 0x0C
C_IRQF = 0x80
C_PF = 0x40  # each flag stands where register B has its enable
C_AF = 0x20
C_UF = 0x10

REGISTER_D = 0x0D
D_VALID = 0x80

READ_ONLY = (REGISTER_C, REGISTER_D)
AT_RESET = {REGISTER_A: 0x26, REGISTER_B: B_24_HOURS, REGISTER_C: 0, REGISTER_D: D_VALID}

HOUR_PM = 0x80  # in 12-hour mode
ALARM_ANY = 0xC0  # an alarm byte from here up matches every value

UPDATE_WINDOW = 2_228_000
"""Nanoseconds at the end of a second in which UIP is set: 244 us of warning and 1984 us of update."""

DIVIDER_START = SECOND // 2
"""Nanoseconds from the divider's release to the first update."""

DAY_SECONDS = 86_400
GREGORIAN_CYCLE = 400


class Rtc:
    """The clock chip; `irq` is high while register C has IRQF.

    `start` is the date and time at power-on; `cmos` are further bytes of CMOS memory at power-on, by register.
    """

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x70, 2),)
    port_width = 1

    def __init__(
        self, *, clock: Clock, irq: Line, start: datetime = DEFAULT_START, cmos: Mapping[int, int] | None = None
    ) -> None:
        self._clock = clock
        self._irq = irq
        self._start = start
        self._cmos = dict(cmos or {})
        self._timer = clock.timer(self._refresh)
        self.reset()

    def reset(self) -> None:
        """The state at power-on, the date included."""
        self.index = 0
        self.nmi_masked = False
        self.registers = bytearray(SIZE)
        for index, value in (AT_RESET | self._cmos).items():
            self.registers[index] = value
        self.divider_ns = self._clock.now()  # when the divider stood at a full second; see _write_a
        self.refreshed_ns = self.divider_ns
        self.registers[WEEKDAY] = self._start.isoweekday() % 7 + 1
        self._set_time(self._start.year, self._start)
        self._drive()

    def port_read(self, port: int, size: int) -> int:
        if not port & 1:
            return 0xFF
        self._refresh()
        value = self.registers[self.index]
        if self.index == REGISTER_A and self._updating():
            value |= A_UIP
        if self.index == REGISTER_C:
            self.registers[REGISTER_C] = 0
            self._drive()
        return value

    def port_write(self, port: int, size: int, value: int) -> None:
        if not port & 1:
            self.index = value & ~NMI_MASK
            self.nmi_masked = bool(value & NMI_MASK)
            return
        self._refresh()
        if self.index == REGISTER_A:
            self._write_a(value)
        elif self.index == REGISTER_B:
            self._write_b(value)
        elif self.index not in READ_ONLY:
            self.registers[self.index] = value
        self._drive()

    def _write_a(self, value: int) -> None:
        held = not self._divider_runs()
        self.registers[REGISTER_A] = value & ~A_UIP
        if held and self._divider_runs():
            self.divider_ns = self._clock.now() + DIVIDER_START - SECOND

    def _write_b(self, value: int) -> None:
        self.registers[REGISTER_B] = value & ~B_UIE if value & B_SET else value

    def _refresh(self) -> None:
        """Bring time and flags to the present."""
        now = self._clock.now()
        if self._divider_runs():
            self._elapse(self.refreshed_ns - self.divider_ns, now - self.divider_ns)
        self.refreshed_ns = now
        self._drive()

    def _elapse(self, before: int, after: int) -> None:
        """Let the divider, in nanoseconds since it stood at a full second, go from `before` to `after`."""
        period = self._period()
        if period and DIVIDER.ticks(before) // period != DIVIDER.ticks(after) // period:
            self.registers[REGISTER_C] |= C_PF
        seconds = after // SECOND - before // SECOND
        if not seconds or self.registers[REGISTER_B] & B_SET:
            return
        alarm = self._seconds_to_alarm()
        if alarm is not None and alarm <= seconds:
            self.registers[REGISTER_C] |= C_AF
        self.registers[REGISTER_C] |= C_UF
        self._add(seconds)

    def _drive(self) -> None:
        """Set IRQF and the line, and the deadline at which an enabled interrupt next comes."""
        pending = bool(self.registers[REGISTER_B] & self.registers[REGISTER_C] & (C_PF | C_AF | C_UF))
        self.registers[REGISTER_C] = self.registers[REGISTER_C] & ~C_IRQF | (C_IRQF if pending else 0)
        self._irq.set(pending)
        deadlines = [] if pending else self._deadlines()
        if deadlines:
            self._timer.at(self.divider_ns + min(deadlines))
        else:
            self._timer.cancel()

    def _deadlines(self) -> list[int]:
        """When each enabled interrupt comes, in nanoseconds since the divider stood at a full second."""
        if not self._divider_runs():
            return []
        enabled = self.registers[REGISTER_B]
        elapsed = self._clock.now() - self.divider_ns
        second = elapsed // SECOND
        deadlines = []
        period = self._period()
        if enabled & C_PF and period:
            deadlines.append(DIVIDER.ns((DIVIDER.ticks(elapsed) // period + 1) * period))
        if enabled & C_UF:
            deadlines.append((second + 1) * SECOND)
        alarm = self._seconds_to_alarm() if enabled & C_AF and not enabled & B_SET else None
        if alarm is not None:
            deadlines.append((second + alarm) * SECOND)
        return deadlines

    def _divider_runs(self) -> bool:
        return self.registers[REGISTER_A] & A_DIVIDER_RESET != A_DIVIDER_RESET

    def _updating(self) -> bool:
        if self.registers[REGISTER_B] & B_SET or not self._divider_runs():
            return False
        return (self._clock.now() - self.divider_ns) % SECOND >= SECOND - UPDATE_WINDOW

    def _period(self) -> int:
        """Crystal ticks between periodic interrupts; 0 for none. Datasheet table "Periodic Interrupt Rate"."""
        rate = self.registers[REGISTER_A] & A_RATE
        if not rate:
            return 0
        return 1 << (rate + 6 if rate < 3 else rate - 1)

    # ---- date and time, which live in the registers as the guest reads them ----

    def _encode(self, value: int) -> int:
        return value if self.registers[REGISTER_B] & B_BINARY else to_bcd(value)

    def _decode(self, value: int) -> int:
        return value if self.registers[REGISTER_B] & B_BINARY else from_bcd(value)

    def _encode_hour(self, hour: int) -> int:
        if self.registers[REGISTER_B] & B_24_HOURS:
            return self._encode(hour)
        return self._encode((hour - 1) % 12 + 1) | (HOUR_PM if hour >= 12 else 0)

    def _hour(self) -> int:
        value = self.registers[HOURS]
        if self.registers[REGISTER_B] & B_24_HOURS:
            return self._decode(value)
        return self._decode(value & ~HOUR_PM) % 12 + (12 if value & HOUR_PM else 0)

    def _set_time(self, year: int, time: datetime) -> None:
        """Fill the registers from `time`, except that the year is `year`."""
        century, year = divmod(year, 100)
        self.registers[HOURS] = self._encode_hour(time.hour)
        for register, value in (
            (SECONDS, time.second),
            (MINUTES, time.minute),
            (DAY, time.day),
            (MONTH, time.month),
            (YEAR, year),
            (CENTURY, century % 100),
        ):
            self.registers[register] = self._encode(value)

    def _since_midnight(self) -> int:
        """Seconds, beyond a day if the guest has written nonsense."""
        minutes = self._hour() * 60 + self._decode(self.registers[MINUTES])
        return minutes * 60 + self._decode(self.registers[SECONDS])

    def _add(self, seconds: int) -> None:
        """Move date and time on; what the guest has written out of range carries over."""
        year = self._decode(self.registers[CENTURY]) * 100 + self._decode(self.registers[YEAR])
        # The calendar repeats every 400 years; a stand-in year keeps any two bytes within datetime's range.
        stand_in = 2000 + year % GREGORIAN_CYCLE
        month = (self._decode(self.registers[MONTH]) - 1) % 12 + 1
        midnight = datetime(stand_in, month, 1) + timedelta(days=self._decode(self.registers[DAY]) - 1)
        time = midnight + timedelta(seconds=self._since_midnight() + seconds)
        self._set_time(year + time.year - stand_in, time)
        # The weekday is a counter of its own: it is not derived from the date.
        self.registers[WEEKDAY] = (self.registers[WEEKDAY] - 1 + (time.date() - midnight.date()).days) % 7 + 1

    def _seconds_to_alarm(self) -> int | None:
        """How long until the alarm matches, 1 to 86400 seconds; None if it never does."""

        def matching(alarm: int, values: int, encode: Callable[[int], int]) -> Sequence[int]:
            byte = self.registers[alarm]
            return range(values) if byte >= ALARM_ANY else [value for value in range(values) if encode(value) == byte]

        now = self._since_midnight()
        hours = matching(HOURS_ALARM, 24, self._encode_hour)
        minutes = matching(MINUTES_ALARM, 60, self._encode)
        seconds = matching(SECONDS_ALARM, 60, self._encode)
        starts = (day + hour * 3600 + minute * 60 for day, hour, minute in product((0, DAY_SECONDS), hours, minutes))
        moments = (start + second for start in starts if start + 59 > now for second in seconds)
        return next((moment - now for moment in moments if moment > now), None)
