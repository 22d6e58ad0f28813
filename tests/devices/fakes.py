"""What a device is given, in a few lines of plain Python: lines that remember, a clock that is moved
by hand, RAM."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil

from vmm.errors import VmmError
from vmm.protocols import FOREVER


class FakeLine:
    """Remembers its level and every change as (nanosecond, level)."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.level = False
        self.changes: list[tuple[int, bool]] = []

    def set(self, level: bool) -> None:
        assert isinstance(level, bool)
        if level != self.level:
            self.level = level
            self.changes.append((self._clock.time, level))

    @property
    def rises(self) -> list[int]:
        return [ns for ns, level in self.changes if level]


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self.deadline: int | None = None

    def at(self, deadline_ns: int) -> None:
        self.deadline = deadline_ns

    def cancel(self) -> None:
        self.deadline = None

    def fire(self) -> None:
        self.deadline = None
        self._callback()


class FakeWave:
    def __init__(self, line: FakeLine) -> None:
        self._line = line
        self.deadline: int | None = None

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
        self._origin = origin_ns
        self._period = Fraction(hz_den * 10**9, hz_num)
        self._phases = {True: high_ticks, False: low_ticks}
        self._tick = first_tick
        self._left = toggles
        self._line.set(level)
        self._schedule()

    def stop(self, level: bool) -> None:
        self.deadline = None
        self._line.set(level)

    def fire(self) -> None:
        self._line.set(not self._line.level)
        self._tick += self._phases[self._line.level]
        if self._left != FOREVER:
            self._left -= 1
        self._schedule()

    def _schedule(self) -> None:
        self.deadline = self._origin + ceil(self._tick * self._period) if self._left else None


class FakeCounter:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def start(self, count: int, period_ns: int) -> None:
        assert 0 <= count < 1 << 64
        self._since, self._period = self._clock.time, period_ns

    def passed(self) -> int:
        return (self._clock.time - self._since) // self._period if self._period else 0


class FakeClock:
    """`advance` fires timers and waves at their exact deadlines, the earliest first, the eldest first of several."""

    def __init__(self) -> None:
        self.time = 0
        self._alarms: list[FakeTimer | FakeWave] = []

    def now(self) -> int:
        return self.time

    def timer(self, callback: Callable[[], None]) -> FakeTimer:
        self._alarms.append(FakeTimer(callback))
        return self._alarms[-1]

    def wave(self, line: FakeLine) -> FakeWave:
        self._alarms.append(FakeWave(line))
        return self._alarms[-1]

    def line(self) -> FakeLine:
        return FakeLine(self)

    def advance(self, ns: int) -> None:
        self.advance_to(self.time + ns)

    def advance_to(self, target: int) -> None:
        while due := [alarm for alarm in self._alarms if alarm.deadline is not None and alarm.deadline <= target]:
            alarm = min(due, key=lambda alarm: alarm.deadline)
            self.time = max(self.time, alarm.deadline)
            alarm.fire()
        self.time = target

    @property
    def idle(self) -> bool:
        """Whether nothing will ever happen by itself."""
        return all(alarm.deadline is None for alarm in self._alarms)


class FakeRam:
    """4 KiB of RAM from address 0."""

    base, size, rom_size = 0, 0x1000, 0

    def __init__(self) -> None:
        self._bytes = bytearray(self.size)

    def read(self, address: int, size: int) -> bytes:
        if address + size > self.size:
            raise VmmError("nothing there")
        return bytes(self._bytes[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        self.read(address, len(data))
        self._bytes[address : address + len(data)] = data


class FakeStop:
    """Remembers how the run was ended."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def __call__(self, reason: str, code: int = 0) -> None:
        self.calls.append((reason, code))
