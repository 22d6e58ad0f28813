"""How far a machine may run, as scripts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import NEVER, lib
from vmm.core.stops import NUMBERS
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class RunControl:
    """Its limits and its end."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"limit": self._limit, "end": self._end})

    def limit(self, *, insns: int | None = None, virtual_ns: int | None = None) -> None:
        """Stop with reason "limit" when this many instructions have begun or this much virtual time has passed."""
        self._inputs.decide("limit", insns, virtual_ns)

    def _limit(self, insns: int | None, virtual_ns: int | None) -> None:
        self._native.limit_insns = NEVER if insns is None else insns
        self._native.limit_ns = NEVER if virtual_ns is None else virtual_ns

    def end(self, reason: str = "user", code: int = 0) -> None:
        """End the run at the next boundary: where the machine stands, if it does. `reason` is one of "user", "exit"
        (with the guest's status), "poweroff" and "reset".
        """
        self._inputs.decide("end", NUMBERS[reason], code)

    def _end(self, reason: int, code: int) -> None:
        lib.vmm_request_stop(self._native, reason, code)
