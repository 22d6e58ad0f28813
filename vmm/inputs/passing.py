"""Virtual time that passes without an instruction, as scripts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import check, lib
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Passing:
    """Of one machine."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"skip to timer": self._skip})

    def skip_to_timer(self) -> None:
        """Let time pass to the deadline of the timer that is due next, as if the instructions up to here had taken so
        long: it expires at this boundary. VmmError inside a run, and where no timer runs.
        """
        self._inputs.check_stands("skip_to_timer()")
        self._inputs.decide("skip to timer")

    def _skip(self) -> None:
        check(self._native, lib.vmm_skip_to_timer(self._native))
