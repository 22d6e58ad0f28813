"""How far a machine may run, as scripts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import NEVER, lib
from vmm.core.stops import NUMBERS, REASONS
from vmm.errors import VmmError, unknown, within
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine


ENDS = ("user", "exit", "poweroff", "reset", "idle")


class RunControl:
    """Its limits and its end."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"limit": self._limit, "end": self._end})

    def limit(self, *, insns: int | None = None, virtual_ns: int | None = None) -> None:
        """Stop with reason "limit" when this many instructions have begun or this much virtual time has passed.
        VmmError for a number that is below 0 or has more than 64 bits.
        """
        self._inputs.decide("limit", insns, virtual_ns)

    def _limit(self, insns: int | None, virtual_ns: int | None) -> None:
        within("instruction limit", insns or 0, NEVER + 1)
        within("time limit", virtual_ns or 0, NEVER + 1)
        self._native.limit_insns = NEVER if insns is None else insns
        self._native.limit_ns = NEVER if virtual_ns is None else virtual_ns

    def end(self, reason: str = "user", code: int = 0) -> None:
        """End the run at the next boundary: where the machine stands, if it does. `reason` is one of "user", "exit"
        (with the guest's status), "poweroff", "reset" and "idle"; VmmError for another.
        """
        if reason not in ENDS:
            raise unknown("end of a run", reason, ENDS)
        self._inputs.decide("end", NUMBERS[reason], code & 0xFFFF_FFFF)

    def switch_on(self) -> None:
        """Where the machine was switched off, the next run goes on: it was given an image."""
        if self._native.stop.reason == lib.VMM_STOP_POWEROFF:
            self._native.stop.reason = lib.VMM_STOP_NONE

    def _end(self, reason: int, code: int) -> None:
        if REASONS.get(reason) not in ENDS:
            raise VmmError(f"{reason} is no end of a run")
        lib.vmm_request_stop(self._native, reason, code)
