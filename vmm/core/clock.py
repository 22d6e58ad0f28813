"""Virtual time for devices, over the timers of the native core."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmm.core.bus import NativeLine
from vmm.core.device_state import DeviceState
from vmm.core.native import NEVER, lib
from vmm.errors import VmmError
from vmm.protocols import FOREVER, Line

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_timer


class NativeTimer:
    """One slot of the core's timers that calls back."""

    def __init__(self, machine: vmm_machine, slot: int) -> None:
        self._machine = machine
        self.slot = slot

    def at(self, deadline_ns: int) -> None:
        lib.vmm_timer_set(self._machine, self.slot, deadline_ns)

    def cancel(self) -> None:
        lib.vmm_timer_set(self._machine, self.slot, NEVER)


def describe(
    wave: vmm_timer, origin_ns: int, hz_num: int, hz_den: int, level: bool, first_tick: int, high_ticks: int,
    low_ticks: int, toggles: int,
) -> None:  # fmt: skip
    """Write down a wave as `vmm.protocols.Wave.start` has it."""
    wave.origin, wave.hz_num, wave.hz_den = origin_ns, hz_num, hz_den
    wave.level, wave.tick, wave.toggles = level, first_tick, toggles
    wave.high_ticks, wave.low_ticks = high_ticks, low_ticks


class NativeWave:
    """One slot of the core's timers that toggles a line."""

    def __init__(self, machine: vmm_machine, slot: int, line: NativeLine) -> None:
        self._machine = machine
        self._slot = slot
        self._line = line

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
        wave = self._machine.timers[self._slot]
        describe(wave, origin_ns, hz_num, hz_den, level, first_tick, high_ticks, low_ticks, toggles)
        wave.line, wave.driver = self._line.number, self._line.driver
        lib.vmm_timer_wave(self._machine, self._slot)

    def stop(self, level: bool) -> None:
        self.start(origin_ns=0, hz_num=1, hz_den=1, level=level, first_tick=0, toggles=0)


class NativeClock:
    """The machine's clock; hands out its timers."""

    def __init__(self, machine: vmm_machine, state: DeviceState) -> None:
        self._machine = machine
        self._state = state
        self._callbacks: list[Callable[[], None] | None] = []

    def now(self) -> int:
        return lib.vmm_now(self._machine)

    def timer(self, callback: Callable[[], None]) -> NativeTimer:
        return NativeTimer(self._machine, self.take(callback))

    def wave(self, line: Line) -> NativeWave:
        assert isinstance(line, NativeLine), "a machine's waves drive a machine's lines"
        return NativeWave(self._machine, self.take(None), line)

    def fire(self, slot: int) -> None:
        """The core says that the timer in `slot` is due."""
        callback = self._callbacks[slot]
        if callback:
            self._state.called.add(id(_owner(callback)))
            callback()

    def take(self, callback: Callable[[], None] | None) -> int:
        """A slot that calls back, or with None does not; VmmError when all are taken."""
        most = lib.VMM_MAX_TIMERS - lib.VMM_NATIVE_TIMERS
        if len(self._callbacks) == most:
            raise VmmError(f"a machine's devices have at most {most} timers")
        self._callbacks.append(callback)
        if callback:
            self._state.attach(_owner(callback))
        return len(self._callbacks) - 1


def _owner(callback: Callable[[], None]) -> object:
    """Whose state a call of it changes."""
    return getattr(callback, "__self__", callback)
