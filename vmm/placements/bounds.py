"""How far an exploration goes, and the core's plan of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vmm.core.native import ffi, lib
from vmm.errors import VmmError
from vmm.placements.aim import await_
from vmm.placements.deadline import Deadline
from vmm.placements.predicate import Term, put
from vmm.placements.sample import MOST
from vmm.scenario.trigger import Trigger

if TYPE_CHECKING:
    from vmm.machine.machine import Machine
    from vmm.placements.sources import Source
    from vmm.placements.subject import Window

FINDS = (lib.VMM_CHOICE_FIND, lib.VMM_CHOICE_FIND_PORT, lib.VMM_CHOICE_FIND_DEVICE)

LONGEST = 20_000
"""Boundaries of a handler, or of a disturbed window, at which one more interrupt is tried."""


@dataclass(frozen=True)
class Bounds:
    """`depth` interrupts and `reads` found values in one run at most, which has `insns` instructions from the window's
    first boundary on; stop after `runs` runs or `seconds`. A run that comes to its end behind the `deadline` fails, and
    one in which the stack grows by more than `stack` bytes.
    """

    depth: int = 1
    insns: int | None = None
    runs: int | None = None
    seconds: float | None = None
    reduction: bool = True
    reads: int = 1
    deadline: Deadline | None = None
    stack: int | None = None
    sample: int | None = None
    """So many placements, drawn at random; None: all there are."""

    def check(self) -> None:
        """VmmError for one that is none."""
        if not 1 <= self.depth <= lib.VMM_MAX_DEPTH:
            raise VmmError(f"depth {self.depth}: it is 1 to {lib.VMM_MAX_DEPTH}")
        if not 0 <= self.reads <= lib.VMM_MAX_DEPTH:
            raise VmmError(f"reads {self.reads}: it is 0 to {lib.VMM_MAX_DEPTH}")
        if self.insns is not None and not 1 <= self.insns < 1 << 63:
            raise VmmError(f"insns {self.insns}: a run has 1 to {(1 << 63) - 1} instructions")
        if self.stack is not None and not 1 <= self.stack < 1 << 32:
            raise VmmError(f"stack {self.stack}: it may grow by 1 to {(1 << 32) - 1} bytes")
        if self.sample is not None and not 1 <= self.sample <= MOST:
            raise VmmError(f"sample {self.sample}: it is of 1 to {MOST} placements")
        if self.runs is not None and self.runs < 1:
            raise VmmError(f"runs {self.runs}: a budget is of 1 run and more")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise VmmError(f"seconds {self.seconds}: a budget is above 0")


def plan_of(
    machine: Machine, window: Window, sources: Sequence[Source], terms: Sequence[Term], bounds: Bounds, *,
    each: bool, patience: int,
) -> Any:  # fmt: skip
    """A `vmm_plan` for the core, without budgets. `each`: every run is asked about; `patience`: how many instructions
    one may take from the window's first boundary on.
    """
    plan = ffi.new("vmm_plan *")
    for number, source in enumerate(sources):
        row = source.row(machine)
        choice = plan.choice[number]
        choice.kind, choice.number, choice.vector = row.kind, row.number, row.vector
        choice.size, choice.physical, choice.value = row.size, row.physical, row.value
    plan.choices, plan.depth = len(sources), bounds.depth
    plan.finds = bounds.reads if any(choice.kind in FINDS for choice in plan.choice) else 0
    if plan.depth + plan.finds > lib.VMM_MAX_DEPTH:
        raise VmmError(f"reads {bounds.reads}: with depth {bounds.depth} it is 0 to {lib.VMM_MAX_DEPTH - bounds.depth}")
    plan.longest, plan.patience = LONGEST, patience
    plan.reduce, plan.ask_each = bounds.reduction, each
    plan.stack = bounds.stack or 0
    if bounds.deadline is not None:
        plan.deadline, plan.in_ns = bounds.deadline.value, bounds.deadline.in_ns
    if not isinstance(window.end, Trigger):  # else the undisturbed run tells
        await_(plan.end, machine, window.end)
    if window.until is not None:
        await_(plan.until, machine, window.until)
    put(plan, terms, machine)
    return plan
