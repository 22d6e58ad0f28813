"""Where in its run a machine stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Position(NamedTuple):
    """An instruction boundary of a run.

    The count alone is not enough: a delivery makes a new boundary at the same count, time passes for a machine that
    sleeps, and one vCPU's turn ends where another's begins.
    """

    insns: int
    """Begun on all vCPUs since power-on."""
    ns: int
    """Of virtual time."""
    hashed: int
    """Events in the trace's hash."""
    vcpu: int
    """Whose turn it is."""

    def __str__(self) -> str:
        return f"insn {self.insns}, {self.ns} ns, event {self.hashed}, vCPU {self.vcpu}"


def position_of(native: vmm_machine) -> Position:
    """Of a core's machine."""
    trace, current = native.trace, native.current
    return Position(int(lib.vmm_instructions(native)), int(lib.vmm_now(native)), int(trace.hashed), int(current.index))
