"""The core around a device of its own, where no guest runs: one vCPU sleeps, so that time is moved by hand, and the
device's line leads nowhere. It is looked at as `fakes.py` is.
"""

from __future__ import annotations

from functools import cache

from vmm.arch import processor
from vmm.core.bus import Bus, NativeLine
from vmm.core.clock import NativeClock
from vmm.core.device_state import DeviceState
from vmm.core.native import NEVER, check, connect, ffi, lib, open_unicorn

INTERRUPT_FLAG = 0x202
LINE = 4


class CoreLine:
    """The level of a line and its changes, as the trace has them."""

    def __init__(self, machine) -> None:
        self._machine = machine

    @property
    def level(self) -> bool:
        return bool(self._machine.lines[LINE].drivers)

    @property
    def rises(self) -> list[int]:
        trace = self._machine.trace
        assert trace.emitted <= trace.capacity
        events = [trace.ring[n] for n in range(trace.emitted)]
        return [event.ns for event in events if event.kind == lib.VMM_EV_LINE and event.value]


class Asleep:
    """A machine, and the host that it calls; `power_on` begins anew."""

    def __init__(self) -> None:
        open_unicorn()
        self.machine = machine = ffi.gc(lib.vmm_new(), lib.vmm_free)
        check(machine, lib.vmm_map_ram(machine, 0, 0x10000))
        machine.cpus = 1
        processor("default", ("x86",)).add(machine)["rflags"] = INTERRUPT_FLAG
        machine.current.halted = 1
        machine.console.heard = lib.VMM_HEARD_AT_ONCE
        self.irq = CoreLine(machine)
        self._handle = connect(machine, self)
        self._new = ffi.gc(lib.vmm_snapshot_take(machine), lib.vmm_snapshot_free)

    def power_on(self) -> Asleep:
        """As it was when it was made, with a clock and a line that no device has."""
        check(self.machine, lib.vmm_snapshot_restore(self.machine, self._new))
        state = DeviceState(wiring=())
        self.clock = NativeClock(self.machine, state)
        self.end: NativeLine = Bus(self.machine, state).line(LINE)
        """The device's end of the line."""
        self.sent = bytearray()
        return self

    @property
    def time(self) -> int:
        return lib.vmm_now(self.machine)

    def advance(self, ns: int) -> None:
        self.advance_to(self.time + ns)

    def advance_to(self, target: int) -> None:
        """Timers are called at their exact deadlines."""
        self.machine.limit_ns = target
        last = lib.VMM_MAX_TIMERS - lib.VMM_NATIVE_TIMERS - 1  # nobody's; something must be to come, or the run is over
        lib.vmm_timer_set(self.machine, last, target)
        lib.vmm_run(self.machine, NEVER)
        assert self.time == target
        assert self.machine.current.count == 0

    @property
    def idle(self) -> bool:
        """Whether nothing will ever happen by itself."""
        return all(timer.deadline == NEVER for timer in self.machine.timers)

    # ---- what the core calls ----

    def timer(self, slot: int) -> None:
        if slot < lib.VMM_MAX_TIMERS - lib.VMM_NATIVE_TIMERS - 1:
            self.clock.fire(slot)

    def console(self, data, count: int) -> None:
        self.sent += ffi.buffer(data, count)[:]

    def failed(self, error: BaseException) -> None:
        raise error


@cache
def _made() -> Asleep:
    return Asleep()


def asleep() -> Asleep:
    """The one of all tests, for to make one takes longer than most of them."""
    return _made().power_on()
