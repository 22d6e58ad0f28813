"""When timers expire, as scripts say: time that passes without an instruction, and deadlines that are missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import check, lib
from vmm.errors import within
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Passing:
    """Of one machine."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"skip to timer": self._skip, "delay timer": self._delay})

    def skip_to_timer(self) -> None:
        """Let time pass to the deadline of the timer that is due next, as if the instructions up to here had taken so
        long: it expires at this boundary. VmmError inside a run, and where no timer runs.
        """
        self._inputs.check_stands("skip_to_timer()")
        self._inputs.decide("skip to timer")

    def delay_timer(self, insns: int) -> None:
        """The timer that is due next expires so many instructions (0 or more) behind its deadline, and only this time.
        Counters and the timer's own registers go on as ever: a guest that accesses those of a timer of its CPU
        meanwhile may have the interrupt at once. VmmError inside a run, and where no timer runs.
        """
        within("delay of a timer", insns, 1 << 63)
        self._inputs.check_stands("delay_timer()")
        self._inputs.decide("delay timer", insns)

    def _delay(self, insns: int) -> None:
        check(self._native, lib.vmm_delay_timer(self._native, insns))

    def _skip(self) -> None:
        check(self._native, lib.vmm_skip_to_timer(self._native))
