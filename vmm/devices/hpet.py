"""High precision event timers: one 64-bit counter of 10 ns ticks and three comparators.

Source: IA-PC HPET (High Precision Event Timers) Specification 1.0a; its section 2.3 "Register Overview" throughout.
Nothing runs from tick to tick: status and comparators are brought up to date when somebody looks, and a deadline is set
only for an interrupt that the guest has enabled. No FSB delivery.

Decisions where the specification leaves room:
- A comparator matches when the counter arrives at it; one set to the present count waits for the counter to go round.
- An edge-triggered output stays high after its edge and falls an instant before the next one, because an 8259A forgets
  a request that drops before it is acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vmm.protocols import Clock, Counter, Line

MEMORY = (0xFED00000, 0x400)
"""Where PCs have it."""

PERIOD_NS = 10
TIMERS = 3
ALL_ONES = (1 << 64) - 1
HORIZON_NS = 1 << 63
"""No deadline from here on is kept: virtual time has 64 bits."""

CAPABILITIES, CONFIGURATION, STATUS, COUNTER = 0x000, 0x010, 0x020, 0x0F0
TIMER_BLOCK, TIMER_STRIDE = 0x100, 0x20
TIMER_CONFIGURATION, TIMER_COMPARATOR = 0x00, 0x08  # of each timer

REVISION = 0x01
COUNTER_64_BIT = 1 << 13
LEGACY_CAPABLE = 1 << 15
VENDOR = 0x8086
FEMTOSECONDS = PERIOD_NS * 1_000_000
BLOCK_ID = VENDOR << 16 | LEGACY_CAPABLE | COUNTER_64_BIT | TIMERS - 1 << 8 | REVISION
"""The low half of the capabilities, which firmware repeats in its HPET table."""

ENABLE = 0x1
LEGACY = 0x2

LEVEL = 0x0002
INTERRUPT = 0x0004
PERIODIC = 0x0008
PERIODIC_CAPABLE = 0x0010
WIDTH_CAPABLE = 0x0020
SET_ACCUMULATOR = 0x0040  # reads as 0
WIDTH_32 = 0x0100
ROUTE = 0x3E00
ROUTE_SHIFT = 9
ROUTES_SHIFT = 32
TIMER_WRITABLE = LEVEL | INTERRUPT | PERIODIC | WIDTH_32 | ROUTE

LEGACY_ROUTES = (32, 33)
"""Of timers 0 and 1 under legacy replacement: numbers behind those that a ROUTE field can hold."""


@dataclass
class Comparator:
    """One timer. `period` is what was last written to its comparator register."""

    config: int = 0
    value: int = ALL_ONES
    period: int = 0
    setting: bool = False
    """The next write goes to the value as well as to the period, though the timer is periodic."""
    raised: bool = False
    """The output, when edge-triggered."""

    @property
    def mask(self) -> int:
        return 0xFFFFFFFF if self.config & WIDTH_32 else ALL_ONES

    def distance(self, count: int) -> int:
        """Ticks from `count` to the next match, at least one."""
        return (self.value - count - 1 & self.mask) + 1

    def advance(self, count: int, ticks: int) -> bool:
        """Let the counter go on from `count` by `ticks`; whether it has met the comparator."""
        past = ticks - self.distance(count)
        if past < 0:
            return False
        if self.config & PERIODIC and self.period:
            self.value = self.value + (past // self.period + 1) * self.period & self.mask
        return True

    def write(self, value: int, mask: int) -> None:
        """Set the bits of `mask` of the comparator register (2.3.9.2)."""
        if not self.config & PERIODIC or self.setting:
            self.value = (self.value & ~mask | value) & self.mask
        self.period = (self.period & ~mask | value) & self.mask
        self.setting = False


class Hpet:
    """The timer block at any multiple of 1 KiB.

    `counter` is its main counter. `lines` are the interrupt controller's inputs (0-31) that any timer may be routed to.
    Under legacy replacement timers 0 and 1 drive `irq0` and `irq8` instead, and `replace` is called with True: the
    board then takes the 8254 and the RTC off those wires, and puts them back at False.
    """

    def __init__(
        self, *, clock: Clock, counter: Counter, lines: Mapping[int, Line], irq0: Line, irq8: Line,
        replace: Callable[[bool], None],
    ) -> None:  # fmt: skip
        self._clock, self._counter = clock, counter
        self._wires = {**lines, **dict(zip(LEGACY_ROUTES, (irq0, irq8), strict=True))}
        self._routes = sum(1 << number for number in lines)
        self._replace = replace
        self._timer = clock.timer(self._refresh)
        self._high = 0  # wires by number
        self.config = 0
        self.reset()

    def reset(self) -> None:
        """Halted at zero, every comparator out of reach."""
        self.config, replaced = 0, self.config & LEGACY
        self.status = 0
        self.timers = [Comparator() for _ in range(TIMERS)]
        self._start(0)
        self._drive()
        if replaced:
            self._replace(False)

    def mmio_read(self, address: int, size: int) -> int:
        register, shift = address & 0x3F8, 8 * (address & 7)
        return self._read(register) >> shift & (1 << 8 * size) - 1

    def mmio_write(self, address: int, size: int, value: int) -> None:
        """Only aligned accesses of 4 and 8 bytes are defined (2.2); others are ignored."""
        if size not in (4, 8) or address % size:
            return
        register, shift = address & 0x3F8, 8 * (address & 7)
        self._refresh()
        self._write(register, value << shift, (1 << 8 * size) - 1 << shift)
        self._drive()

    # ---- registers, each 64 bits wide ----

    def _read(self, register: int) -> int:
        if register == COUNTER:
            return self._count() & ALL_ONES
        self._refresh()
        number, offset = divmod(register - TIMER_BLOCK, TIMER_STRIDE)
        if 0 <= number < TIMERS:
            return self._read_timer(self.timers[number], offset)
        return {
            CAPABILITIES: FEMTOSECONDS << 32 | BLOCK_ID,
            CONFIGURATION: self.config,
            STATUS: self.status,
        }.get(register, 0)

    def _read_timer(self, timer: Comparator, offset: int) -> int:
        if offset == TIMER_CONFIGURATION:
            return self._routes << ROUTES_SHIFT | timer.config | PERIODIC_CAPABLE | WIDTH_CAPABLE
        return timer.value if offset == TIMER_COMPARATOR else 0

    def _write(self, register: int, value: int, mask: int) -> None:
        number, offset = divmod(register - TIMER_BLOCK, TIMER_STRIDE)
        if register == STATUS:
            self.status &= ~value
        elif register == COUNTER and not self.config & ENABLE:
            self._start(self._count() & ~mask | value)
        elif register == CONFIGURATION and mask & ENABLE:
            self._configure(value & (ENABLE | LEGACY))
        elif 0 <= number < TIMERS and offset == TIMER_COMPARATOR:
            self.timers[number].write(value, mask)
        elif 0 <= number < TIMERS and offset == TIMER_CONFIGURATION and mask & TIMER_WRITABLE:
            self._configure_timer(number, value)

    def _configure(self, config: int) -> None:
        changed, count = config ^ self.config, self._count()
        self.config = config
        if changed & ENABLE:
            self._start(count)
        if changed:
            for timer in self.timers:
                timer.raised = False
        if changed & LEGACY:
            self._replace(bool(config & LEGACY))

    def _configure_timer(self, number: int, value: int) -> None:
        timer = self.timers[number]
        config = value & TIMER_WRITABLE
        if not self._routes >> ((config & ROUTE) >> ROUTE_SHIFT) & 1:
            config = config & ~ROUTE | timer.config & ROUTE
        if (config ^ timer.config) & (LEVEL | INTERRUPT | ROUTE):
            timer.raised = False
        if not config & LEVEL:
            self.status &= ~(1 << number)
        timer.config = config
        timer.setting = bool(value & SET_ACCUMULATOR)
        timer.value &= timer.mask
        timer.period &= timer.mask

    # ---- time ----

    def _start(self, count: int) -> None:
        """Let the counter go on, if enabled, from `count` now."""
        self.started_ns = self._clock.now()
        self.started_count = self.refreshed_count = count
        self._counter.start(count & ALL_ONES, PERIOD_NS if self.config & ENABLE else 0)

    def _count(self) -> int:
        """The counter, and what of it has run out of its 64 bits."""
        return self.started_count + self._counter.passed()

    def _refresh(self) -> None:
        """Bring comparators and status to the present."""
        before, now = self.refreshed_count, self._count()
        self.refreshed_count = now
        met = [number for number, timer in enumerate(self.timers) if timer.advance(before, now - before)]
        for number in met:
            self._match(number)
        if met:
            self._drive()

    def _match(self, number: int) -> None:
        timer = self.timers[number]
        if timer.config & LEVEL:
            self.status |= 1 << number
            return
        timer.raised = False
        self._drive()
        timer.raised = True

    # ---- wires ----

    def _drive(self) -> None:
        """Set the wires that have changed, and the deadline of the next enabled interrupt."""
        high = 0
        for number, timer in enumerate(self.timers):
            asserted = self.status >> number & 1 if timer.config & LEVEL else timer.raised
            if asserted and timer.config & INTERRUPT and self.config & ENABLE:
                high |= 1 << self._route(number)
        changed, self._high = high ^ self._high, high
        for number, wire in self._wires.items():
            if changed >> number & 1:
                wire.set(bool(high >> number & 1))
        self._arm()

    def _route(self, number: int) -> int:
        if self.config & LEGACY and number < len(LEGACY_ROUTES):
            return LEGACY_ROUTES[number]
        return (self.timers[number].config & ROUTE) >> ROUTE_SHIFT

    def _arm(self) -> None:
        distances = [
            timer.distance(self.refreshed_count)
            for number, timer in enumerate(self.timers)
            if self.config & ENABLE and timer.config & INTERRUPT and not self.status >> number & 1
        ]
        ticks = self.refreshed_count - self.started_count + min(distances, default=0)
        deadline = self.started_ns + ticks * PERIOD_NS
        if distances and deadline < HORIZON_NS:
            self._timer.at(deadline)
        else:
            self._timer.cancel()
