"""The words of a cause: those of the first run that ends so, whoever found it, and whichever run was made first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmm.core.native import lib
from vmm.core.stops import REASONS
from vmm.machine.explorer import Placement
from vmm.placements.bounds import Bounds
from vmm.placements.counterexample import Retold
from vmm.placements.diagnosing import DIAGNOSED, Diagnosing
from vmm.placements.found import Cause
from vmm.placements.judge import OWN, Ended, Judge
from vmm.placements.predicate import Term, forbidden
from vmm.placements.sources import Source
from vmm.scenario.triggers import NextBoundary

if TYPE_CHECKING:
    from vmm.machine.machine import Machine
    from vmm.machine.snapshot import Snapshot
    from vmm.placements.subject import Subject


class Words:
    """Of one exploration; the machine that runs once more is made when it is needed."""

    def __init__(
        self, subject: Subject, bounds: Bounds, sources: list[Source], terms: list[Term], patience: int
    ) -> None:  # fmt: skip
        self._bounds = bounds
        self._subject, self._sources, self._terms, self._patience = subject, sources, terms, patience
        self._at: tuple[Machine, Snapshot] | None = None

    def __call__(self, cause: Cause, placements: Sequence[Placement]) -> str:
        diagnosed = cause.kind.startswith(DIAGNOSED)
        if cause.kind.startswith(OWN) or not placements:
            return cause.words
        if not diagnosed and Ended.of(cause.kind).spins:  # of all that do they are the same
            return cause.words
        machine, begin = self._at = self._at or self._fresh()
        machine.restore(begin)
        errors, first = machine.trace.guest_errors, machine.instructions
        retold = Retold(machine, self._subject.window, first + self._patience, forbidden(self._terms))
        before = (0, 0)
        for placement in placements:
            at = placement.at
            if ahead := first + at.insns - machine.instructions:
                machine.run(insns=ahead)
            for _ in range(at.more - (before[1] if before[0] == at.insns else 0)):
                machine.run(until=NextBoundary())
            self._sources[placement.choice].happen(machine)
            before = at[:2]
        retold.leave()
        stop = retold.finish()
        if diagnosed:
            found = Diagnosing(machine, self._subject.diagnoses).wrong(stop)
            return found.words if found and found.kind == cause.kind else cause.words
        ended = Ended.of(cause.kind)
        if ended.phase != lib.VMM_PHASE_END and stop.reason != REASONS[ended.reason]:
            return cause.words
        judge = Judge(
            machine, self._bounds, self._sources, self._subject.window, self._terms, [], errors, self._patience
        )
        return judge.words(ended, stop) or cause.words

    def of_run(self, cause: Cause, placements: Sequence[Placement]) -> str:
        """Those of the run with just these, where each run that ends so has its own."""
        return self(cause, placements) if cause.kind.startswith(DIAGNOSED) else cause.words

    def _fresh(self) -> tuple[Machine, Snapshot]:
        machine = self._subject.boot()
        self._subject.enter(machine)
        return machine, machine.snapshot()
