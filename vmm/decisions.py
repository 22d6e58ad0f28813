"""What comes to a machine from outside while it stands at a boundary: each kind one row, and one way in for all.

A run is a function of its image, its configuration and the sequence of these. So what a recording keeps is this
sequence, and a replay goes through the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vmm.bus import SCRIPT_DRIVER
from vmm.engine import check, ffi, lib

GICD_SGIR = 0xF00  # IHI0048 4.3.15


class Decision(NamedTuple):
    """`kind` is a row of KINDS, `arguments` are numbers, texts and bytes."""

    kind: str
    arguments: tuple[Any, ...]


class Outside:
    """The way in. `observe` is told of each decision before it takes effect."""

    def __init__(self, machine: Any, native: Any) -> None:
        self._machine = machine
        self._native = native
        self.observe: Callable[[Decision], None] | None = None

    def __call__(self, kind: str, *arguments: Any) -> None:
        """Let it happen now; VmmError where the machine has no such thing."""
        if self.observe:
            self.observe(Decision(kind, arguments))
        KINDS[kind](self._machine, self._native, *arguments)


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
    if native.gic.version == 2:
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
    machine.board.devices[machine.board.console].receive(data)


def _memory(machine: Any, native: Any, address: int, data: bytes) -> None:
    machine.memory.store(address, data)


KINDS: dict[str, Callable[..., None]] = {
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
}
"""Each is called with the machine, its core and the decision's arguments."""
