"""What a script builds itself: devices on the bus, the lines they drive, the timers and waves they live by.

As `vmm.core.bus` and `vmm.core.clock`, but all they do comes from outside (vmm/inputs/decisions.py), and all they
answer is asked for through `Callbacks`: in a replay nobody is there, and the answers are the recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vmm.core.bus import Bus, NativeLine
from vmm.core.clock import NativeClock, NativeTimer, NativeWave
from vmm.core.native import NEVER, lib
from vmm.errors import VmmError, within
from vmm.inputs.decisions import Callbacks, Inputs
from vmm.protocols import FOREVER, Line, MmioDevice, PortDevice

if TYPE_CHECKING:
    from vmm._native import vmm_machine


PORT_WIDTHS = (1, 2, 4)


class ScriptLine(NativeLine):
    """One driver's end of a line, as a script's device has it."""

    def __init__(self, native: vmm_machine, number: int, driver: int, inputs: Inputs) -> None:
        super().__init__(native, number, driver)
        self._inputs = inputs

    def set(self, level: bool) -> None:
        self._inputs.decide("drive", self.number, self.driver, int(level))

    def connect(self, connected: bool) -> None:
        self._inputs.decide("connect", self.number, self.driver, int(connected))


class ScriptDevice:
    """A script's device at its place on the bus: what stands there for it, in a replay for nobody."""

    device: Any = None

    def __init__(self, callbacks: Callbacks, port_width: int) -> None:
        self._callbacks = callbacks
        self.port_width = port_width

    def port_read(self, port: int, size: int) -> int:
        return self._asked("port_read", size, lambda: self.device.port_read(port, size))

    def port_write(self, port: int, size: int, value: int) -> None:
        self._callbacks.ask("port_write", lambda: self._told(self.device.port_write(port, size, value)))

    def mmio_read(self, address: int, size: int) -> int:
        return self._asked("mmio_read", size, lambda: self.device.mmio_read(address, size))

    def mmio_write(self, address: int, size: int, value: int) -> None:
        self._callbacks.ask("mmio_write", lambda: self._told(self.device.mmio_write(address, size, value)))

    def _asked(self, method: str, size: int, read: Callable[[], Any]) -> int:
        def checked() -> int:
            value = read()
            if not isinstance(value, int):
                raise VmmError(f"{type(self.device).__name__}.{method} gave {value!r}, not a number")
            return int(value) & (1 << 8 * size) - 1

        return int(self._callbacks.ask(method, checked)) & (1 << 8 * size) - 1

    @staticmethod
    def _told(_: Any) -> None:
        """What a write gives is nobody's."""


class ScriptBus:
    """The bus for devices of a script's own; `board` is the one they share with its board's."""

    def __init__(self, native: vmm_machine, board: Bus, inputs: Inputs) -> None:
        self._native, self._board, self._inputs = native, board, inputs
        inputs.register({"attach": self._place, "drive": self._drive, "connect": self._connect})

    def line(self, number: int) -> ScriptLine:
        """A new driver's end of line `number` (0-255); VmmError where it has no room for one."""
        end = self._board.line(number)
        return ScriptLine(self._native, end.number, end.driver, self._inputs)

    def attach(self, device: PortDevice | MmioDevice, space: str, first: int, count: int) -> None:
        """Put `device` at physical addresses (`space` "memory") or ports; VmmError where another one sits, and for a
        width of its ports that is none.
        """
        placed: ScriptDevice = self._inputs.decide("attach", space, first, count, getattr(device, "port_width", 0))
        placed.device = device

    def _place(self, space: str, first: int, count: int, width: int) -> ScriptDevice:
        if space == "ports" and width not in PORT_WIDTHS:
            raise VmmError(f"a device with ports of {width} bytes: port_width is 1, 2 or 4")
        within("address of a device", first, 1 << 64)
        within("number of its addresses", count, 1 << 64)
        placed = ScriptDevice(self._inputs.callbacks, width)
        if space == "memory":
            self._board.add_memory(placed, first, count)
        else:
            within("port of a device", first, 1 << 16)
            self._board.add_ports(placed, (first, min(count, 1 << 17)))
        return placed

    def _drive(self, number: int, driver: int, level: int) -> None:
        lib.vmm_line_set(self._native, number, driver, level)

    def _connect(self, number: int, driver: int, connected: int) -> None:
        lib.vmm_line_connect(self._native, number, driver, connected)


class ScriptTimer(NativeTimer):
    """A timer of a script's device."""

    def __init__(self, native: vmm_machine, slot: int, inputs: Inputs) -> None:
        super().__init__(native, slot)
        self._inputs = inputs

    def at(self, deadline_ns: int) -> None:
        self._inputs.decide("timer", self.slot, deadline_ns)

    def cancel(self) -> None:
        self.at(NEVER)


class ScriptWave(NativeWave):
    """A wave of a script's device."""

    def __init__(self, native: vmm_machine, slot: int, line: NativeLine, inputs: Inputs) -> None:
        super().__init__(native, slot, line)
        self._inputs = inputs

    def start(
        self, *, origin_ns: int, hz_num: int, hz_den: int, level: bool, first_tick: int, high_ticks: int = 0,
        low_ticks: int = 0, toggles: int = FOREVER,
    ) -> None:  # fmt: skip
        fields = (origin_ns, hz_num, hz_den, int(level), first_tick, high_ticks, low_ticks, toggles)
        self._inputs.decide("wave", self._slot, self._line.number, self._line.driver, *fields)


MOST_HZ = 1_000_000_000
"""Of a wave: virtual time has whole nanoseconds."""
WAVE = {
    "line": 256, "driver": 32, "origin_ns": 1 << 64, "hz_num": 1 << 64, "hz_den": 1 << 32, "level": 2,
    "first_tick": 1 << 64, "high_ticks": 1 << 64, "low_ticks": 1 << 64, "toggles": 1 << 32,
}  # fmt: skip
"""What a wave is, in the order of its decision, and the number that each is below."""


class ScriptClock:
    """The machine's clock for devices of a script's own; its board's is `board`."""

    def __init__(self, native: vmm_machine, board: NativeClock, inputs: Inputs) -> None:
        self._native, self._board, self._inputs = native, board, inputs
        self._callbacks: dict[int, Callable[[], None]] = {}
        inputs.register({"new timer": self._take, "timer": self._set, "wave": self._start})

    def now(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self._board.now()

    def timer(self, callback: Callable[[], None]) -> ScriptTimer:
        """One that calls back; VmmError when there are too many."""
        slot = self._inputs.decide("new timer")
        self._callbacks[slot] = callback
        return ScriptTimer(self._native, slot, self._inputs)

    def wave(self, line: Line) -> ScriptWave:
        """One that toggles `line`, which is of this machine's bus; VmmError when there are too many."""
        if not isinstance(line, ScriptLine):
            raise VmmError(f"{line!r} is no line that a wave can drive: m.bus.line(n) is")
        return ScriptWave(self._native, self._inputs.decide("new timer"), line, self._inputs)

    def _take(self) -> int:
        slot = self._board.take(lambda: self._inputs.callbacks.ask("timer", lambda: self._fire(slot)))
        self._callbacks[slot] = lambda: None
        return slot

    def _fire(self, slot: int) -> None:
        self._callbacks[slot]()

    def _own(self, slot: int) -> int:
        """`slot`; VmmError where it is none of `_take`'s."""
        if slot not in self._callbacks:
            raise VmmError(f"timer {slot} is not a script's")
        return slot

    def _set(self, slot: int, deadline_ns: int) -> None:
        within("deadline of a timer", deadline_ns, NEVER + 1)
        lib.vmm_timer_set(self._native, self._own(slot), deadline_ns)

    def _start(self, slot: int, line: int, driver: int, *fields: int) -> None:
        """The numbers are those of `Wave.start`, in its order."""
        origin, hz_num, hz_den, level, first, high, low, toggles = fields
        for name, value in zip(WAVE, (line, driver, *fields), strict=True):
            within(f"{name} of a wave", value, WAVE[name])
        if not (hz_num and hz_den and hz_num <= MOST_HZ * hz_den):
            raise VmmError(f"a wave of {hz_num}/{hz_den} Hz: both must be above 0, and it has {MOST_HZ} Hz at most")
        if toggles and origin + -(-first * 1_000_000_000 * hz_den // hz_num) < self.now():
            raise VmmError(f"a wave from {origin} ns on: its tick {first} is over")
        NativeWave(self._native, self._own(slot), NativeLine(self._native, line, driver)).start(
            origin_ns=origin, hz_num=hz_num, hz_den=hz_den, level=bool(level), first_tick=first, high_ticks=high,
            low_ticks=low, toggles=toggles,
        )  # fmt: skip
