"""What a script builds itself: devices on the bus, the lines they drive, the timers and waves they live by.

As `vmm.core.bus` and `vmm.core.clock`, but all they do comes from outside (vmm/inputs/decisions.py), and all they
answer is asked for through `Calls`: in a replay nobody is there, and the answers are the recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from vmm.core.bus import Bus, NativeLine
from vmm.core.clock import NativeClock, NativeTimer, NativeWave
from vmm.core.native import NEVER
from vmm.errors import VmmError
from vmm.inputs.decisions import Calls, Outside
from vmm.protocols import FOREVER, Line


class ScriptLine(NativeLine):
    """One driver's end of a wire, as a script's device has it."""

    def __init__(self, native: Any, number: int, driver: int, outside: Outside) -> None:
        super().__init__(native, number, driver)
        self._outside = outside

    def set(self, level: bool) -> None:
        self._outside("drive", self.number, self.driver, int(level))

    def connect(self, connected: bool) -> None:
        self._outside("connect", self.number, self.driver, int(connected))


class Attached:
    """A script's device at its place on the bus."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ()
    device: Any = None

    def __init__(self, calls: Calls, port_width: int) -> None:
        self._calls = calls
        self.port_width = port_width

    def port_read(self, port: int, size: int) -> int:
        return self._asked("port_read", size, lambda: self.device.port_read(port, size))

    def port_write(self, port: int, size: int, value: int) -> None:
        self._calls("port_write", lambda: self._told(self.device.port_write(port, size, value)))

    def mmio_read(self, address: int, size: int) -> int:
        return self._asked("mmio_read", size, lambda: self.device.mmio_read(address, size))

    def mmio_write(self, address: int, size: int, value: int) -> None:
        self._calls("mmio_write", lambda: self._told(self.device.mmio_write(address, size, value)))

    def _asked(self, method: str, size: int, read: Callable[[], Any]) -> int:
        def checked() -> int:
            value = read()
            if not isinstance(value, int):
                raise VmmError(f"{type(self.device).__name__}.{method} gave {value!r}, not a number")
            return value & (1 << 8 * size) - 1

        return int(self._calls(method, checked))

    @staticmethod
    def _told(_: Any) -> None:
        """What a write gives is nobody's."""


class ScriptBus:
    """The bus for devices of a script's own; `board` is the one they share with its board's."""

    def __init__(self, native: Any, board: Bus, outside: Outside, calls: Calls) -> None:
        self._native, self._board, self._outside, self._calls = native, board, outside, calls

    def line(self, number: int) -> ScriptLine:
        """A new driver's end of line `number` (0-255)."""
        end = self._board.line(number)
        return ScriptLine(self._native, end.number, end.driver, self._outside)

    def place(self, space: str, first: int, count: int, width: int) -> Attached:
        """Room for a device, at physical addresses (`space` "memory") or ports; VmmError where another one sits."""
        attached = Attached(self._calls, width)
        if space == "memory":
            self._board.add_memory(attached, first, count)
        else:
            self._board.add_ports(attached, (first, count))
        return attached


class ScriptTimer(NativeTimer):
    """A timer of a script's device."""

    def __init__(self, native: Any, slot: int, outside: Outside) -> None:
        super().__init__(native, slot)
        self._outside = outside

    def at(self, deadline_ns: int) -> None:
        self._outside("timer", self._slot, deadline_ns)

    def cancel(self) -> None:
        self.at(NEVER)


class ScriptWave(NativeWave):
    """A wave of a script's device."""

    def __init__(self, native: Any, slot: int, line: NativeLine, outside: Outside) -> None:
        super().__init__(native, slot, line)
        self._outside = outside

    def start(
        self, *, origin_ns: int, hz_num: int, hz_den: int, level: bool, first_tick: int, high_ticks: int = 0,
        low_ticks: int = 0, toggles: int = FOREVER,
    ) -> None:  # fmt: skip
        fields = (origin_ns, hz_num, hz_den, int(level), first_tick, high_ticks, low_ticks, toggles)
        self._outside("wave", self._slot, self._line.number, self._line.driver, *fields)


class ScriptClock:
    """The machine's clock for devices of a script's own; its board's is `board`."""

    def __init__(self, native: Any, board: NativeClock, outside: Outside, calls: Calls) -> None:
        self._native, self._board, self._outside, self._calls = native, board, outside, calls
        self._callbacks: dict[int, Callable[[], None]] = {}

    def now(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self._board.now()

    def timer(self, callback: Callable[[], None]) -> ScriptTimer:
        """One that calls back; VmmError when there are too many."""
        slot = self._outside("new timer")
        self._callbacks[slot] = callback
        return ScriptTimer(self._native, slot, self._outside)

    def wave(self, line: Line) -> ScriptWave:
        """One that toggles `line`; VmmError when there are too many."""
        assert isinstance(line, NativeLine), "a machine's waves drive a machine's lines"
        return ScriptWave(self._native, self._outside("new timer"), line, self._outside)

    def take(self) -> int:
        """A slot of the core's timers."""
        slot = self._board.take(lambda: self._calls("timer", lambda: self._fire(slot)))
        self._callbacks[slot] = lambda: None
        return slot

    def own(self, slot: int) -> int:
        """`slot`; VmmError where it is none of `take`'s."""
        if slot not in self._callbacks:
            raise VmmError(f"timer {slot} is not a script's")
        return slot

    def wave_of(self, slot: int, line: int, driver: int, *fields: int) -> None:
        """Start a wave: the numbers are those of `Wave.start`, in its order."""
        origin, hz_num, hz_den, level, first, high, low, toggles = fields
        if hz_num <= 0 or hz_den <= 0:
            raise VmmError(f"a wave of {hz_num}/{hz_den} Hz: both must be above 0")
        NativeWave(self._native, self.own(slot), NativeLine(self._native, line, driver)).start(
            origin_ns=origin, hz_num=hz_num, hz_den=hz_den, level=bool(level), first_tick=first, high_ticks=high,
            low_ticks=low, toggles=toggles,
        )  # fmt: skip

    def _fire(self, slot: int) -> None:
        self._callbacks[slot]()
