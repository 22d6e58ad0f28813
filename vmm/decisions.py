"""What comes to a machine from outside: each kind of decision one row, and one way in for all.

A run is a function of its image, its configuration, the sequence of these, and what a script's own code answers where
the machine asks it. So what a recording keeps is just that, and a replay goes through the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vmm.bus import SCRIPT_DRIVER
from vmm.engine import NEVER, check, ffi, lib

GICD_SGIR = 0xF00  # IHI0048 4.3.15


OBSERVERS = "observers"
"""The kind of call that shows events to observers: when it comes depends on who looks, so nothing may come of it."""


class Decision(NamedTuple):
    """`kind` is a row of KINDS, `arguments` are numbers, texts and bytes."""

    kind: str
    arguments: tuple[Any, ...]


class Outside:
    """The way in. `observe` is told of each decision before it takes effect.

    A board's own firmware uses it, too, while a run is under way: that is no decision, for it comes again by itself.
    """

    def __init__(self, machine: Any, native: Any) -> None:
        self._machine = machine
        self._native = native
        self.observe: Callable[[Decision], None] | None = None
        self.count = 0
        """How often it was gone so far."""

    def __call__(self, kind: str, *arguments: Any) -> Any:
        """Let it happen now; VmmError where the machine has no such thing."""
        self.count += 1
        if self.observe:
            self.observe(Decision(kind, arguments))
        if not self._native.running:
            self._native.idle_from = lib.vmm_now(self._native)
        return KINDS[kind](self._machine, self._native, *arguments)


class Calls:
    """The way to a script's own code that a run asks: traps, devices, their timers, and who takes the console's text.

    `watch` is given each call, and gives the answer: what the function gives, or what it gave once.
    """

    def __init__(self) -> None:
        self.watch: Callable[[str, Callable[[], Any]], Any] | None = None

    def __call__(self, kind: str, function: Callable[[], Any]) -> Any:
        """`function`'s answer, a number, a list of numbers or None."""
        return self.watch(kind, function) if self.watch else function()


def _line(machine: Any, native: Any, number: int, level: int) -> None:
    lib.vmm_line_set(native, number, SCRIPT_DRIVER, level)


def _nmi(machine: Any, native: Any, cpu: int) -> None:
    lib.vmm_nmi(native, cpu)


def _inject(machine: Any, native: Any, cpu: int, vector: int) -> None:
    lib.vmm_inject(native, cpu, vector)


def _msi(machine: Any, native: Any, address: int, data: int) -> None:
    check(native, lib.vmm_msi(native, address, data))


def _ppi(machine: Any, native: Any, cpu: int, intid: int, level: int) -> None:
    lib.vmm_gic_set_ppi(native, cpu, intid, level)


def _sgi(machine: Any, native: Any, source: int, target: int, intid: int) -> None:
    if lib.vmm_gic_version(native) == 2:
        lib.vmm_gic_dist_write(native, source, GICD_SGIR, 4, 1 << 16 + target | intid)
    else:
        lib.vmm_gic_icc_write(native, source, lib.VMM_ICC_SGI1R, 0, intid << 24 | 1 << target)


def _stimulate(machine: Any, native: Any, times: bytes, *plan: int) -> None:
    numbers, given = ffi.new("vmm_stimulus_plan *", plan), ffi.from_buffer("uint64_t[]", times)
    check(native, lib.vmm_stimulate(native, numbers, given, len(given)))


def _stop_stimulus(machine: Any, native: Any, serial: int) -> None:
    check(native, lib.vmm_stimulus_stop(native, serial))


def _cpu(machine: Any, native: Any, cpu: int, change: str, *arguments: Any) -> None:
    machine.cpus[cpu].change(change, *arguments)


def _input(machine: Any, native: Any, data: bytes) -> None:
    machine.typed(data)


def _memory(machine: Any, native: Any, address: int, data: bytes) -> None:
    machine.memory.store(address, data)


def _limit(machine: Any, native: Any, insns: int | None, virtual_ns: int | None) -> None:
    native.limit_insns = NEVER if insns is None else insns
    native.limit_ns = NEVER if virtual_ns is None else virtual_ns


def _end(machine: Any, native: Any, reason: int, code: int) -> None:
    lib.vmm_request_stop(native, reason, code)


def _trap(machine: Any, native: Any, name: str, *fields: Any) -> None:
    machine.arm_trap(name, *fields)


def _attach(machine: Any, native: Any, space: str, first: int, count: int, width: int) -> Any:
    return machine.bus.place(space, first, count, width)


def _new_timer(machine: Any, native: Any) -> int:
    slot: int = machine.clock.take()
    return slot


def _timer(machine: Any, native: Any, slot: int, deadline_ns: int) -> None:
    lib.vmm_timer_set(native, machine.clock.own(slot), deadline_ns)


def _wave(machine: Any, native: Any, slot: int, line: int, driver: int, *fields: int) -> None:
    machine.clock.wave_of(slot, line, driver, *fields)


def _drive(machine: Any, native: Any, number: int, driver: int, level: int) -> None:
    lib.vmm_line_set(native, number, driver, level)


def _connect(machine: Any, native: Any, number: int, driver: int, connected: int) -> None:
    lib.vmm_line_connect(native, number, driver, connected)


KINDS: dict[str, Callable[..., Any]] = {
    "line": _line,
    "nmi": _nmi,
    "inject": _inject,
    "msi": _msi,
    "ppi": _ppi,
    "sgi": _sgi,
    "stimulate": _stimulate,
    "stop stimulus": _stop_stimulus,
    "cpu": _cpu,
    "input": _input,
    "memory": _memory,
    "limit": _limit,
    "end": _end,
    "trap": _trap,
    "attach": _attach,
    "new timer": _new_timer,
    "timer": _timer,
    "wave": _wave,
    "drive": _drive,
    "connect": _connect,
}
"""Each is called with the machine, its core and the decision's arguments."""
