"""Whose turn it is, of several vCPUs, as scripts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import check, lib, vcpu_index
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Turns:
    """Of one machine."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"turn": self._turn})

    def turn(self, cpu: int) -> None:
        """Preempt the vCPU whose turn it is: from this boundary on it is vCPU `cpu`'s, until that one sleeps, says that
        it waits (x86 PAUSE), has run its quantum, or is preempted itself. Who was preempted goes on with what
        was left of its own turn. VmmError inside a run, and for a vCPU that there is not, sleeps or is off.
        """
        self._inputs.check_stands("turn()")
        self._inputs.decide("turn", vcpu_index(self._native, cpu))

    def _turn(self, cpu: int) -> None:
        check(self._native, lib.vmm_turn(self._native, vcpu_index(self._native, cpu)))
