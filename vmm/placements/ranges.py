"""A range of a window's boundaries, by instructions, or of a sample's draws: one machine tries it, and tells what it
found as plain data.

Boundaries at which equally many instructions have been run are in one range, so that ranges meet without a gap and
without a boundary in common, whatever the guest's own interrupts do between two instructions.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from vmm.coverage.coverage import covered_by
from vmm.coverage.image import Covered
from vmm.machine.explorer import Draw, Placement, Tried, placement
from vmm.machine.machine import Machine, collected_of, explorer_of
from vmm.placements import found as of_found
from vmm.placements.bounds import Bounds, plan_of
from vmm.placements.checks import Function, NoAnswer
from vmm.placements.diagnosing import Wanted
from vmm.placements.found import Found, Worst
from vmm.placements.judge import Judge
from vmm.placements.predicate import Term
from vmm.placements.sample import Sample
from vmm.placements.sources import Source
from vmm.placements.subject import Window

if TYPE_CHECKING:
    from vmm._native import vmm_worst

END = 1 << 63
"""To the window's end, wherever it is."""
MOST_AT_ONCE = 4096
"""Boundaries that the core is asked for."""
DRAWN_AT_ONCE = 512
NEVER = (1 << 64) - 1
A_YEAR = 365 * 24 * 3600.0


@dataclass(frozen=True)
class Range:
    """From the first boundary at which `first` instructions were run to the last before `to`; at most `runs` runs, and
    `seconds` of time.
    """

    first: int
    to: int = END
    runs: int | None = None
    seconds: float | None = None


@dataclass
class Done:
    """What came of a range."""

    found: Found = field(default_factory=Found)
    spent: bool = False
    """Its runs or seconds: what was found is a part."""
    seconds: float = 0.0
    no_answer: tuple[str, list[Placement]] | None = None
    """Of a check, and the least placement where it gave none, as far as that is known."""
    error: NoAnswer | None = None
    """The same, where it came from this process."""
    covered: Covered | None = None
    """By its runs, where somebody collects that."""

    def plain(self) -> dict[str, Any]:
        """For another process."""
        return {
            "found": asdict(self.found), "spent": self.spent, "seconds": self.seconds, "no answer": self.no_answer,
            "covered": self.covered and self.covered.plain(),
        }  # fmt: skip

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Done:
        """What `plain` gave."""
        no_answer = raw["no answer"] and (str(raw["no answer"][0]), list(map(of_found.placement, raw["no answer"][1])))
        covered = raw["covered"] and Covered.of(raw["covered"])
        return cls(of_found.found(raw["found"]), bool(raw["spent"]), float(raw["seconds"]), no_answer, covered=covered)


def worst(raw: vmm_worst) -> Worst | None:
    """As the core has it."""
    return Worst(raw.value, tuple(placement(raw.at[n]) for n in range(raw.count))) if raw.known else None


class Standing:
    """A machine at its window's first boundary, for one range after another; a context."""

    def __init__(
        self, machine: Machine, window: Window, sources: list[Source], terms: list[Term],
        functions: list[Function], bounds: Bounds, patience: int, diagnoses: Wanted, sample: Sample | None = None, *,
        collects: bool = False,
    ) -> None:  # fmt: skip
        """`sample`: ranges are of its draws; `collects`: what each of them covers is told."""
        self._machine, self._collects = machine, collects
        self._sample = sample
        each = bool(functions or diagnoses.asked)
        self._plan = plan_of(machine, window, sources, terms, bounds, each=each, patience=patience)
        errors = machine.trace.guest_errors
        self._judge = Judge(machine, bounds, sources, window, terms, functions, errors, patience, diagnoses)
        self._explorer = explorer_of(machine, self._plan, self._judge)
        self._stack = ExitStack()

    def __enter__(self) -> Standing:
        self._stack.enter_context(self._explorer)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def tried(self, part: Range) -> Done:
        """All of it, or as far as its budgets go."""
        if not self._collects:
            return self._tried(part)
        collected = collected_of(self._machine)
        collected.begin()
        try:
            done = self._tried(part)
            done.covered = covered_by(self._machine)
        finally:
            collected.end()
        return done

    def _tried(self, part: Range) -> Done:
        plan, begun = self._plan, time.monotonic()
        before = plan.runs, plan.tails, plan.cut
        plan.to, plan.until_ns, plan.most_runs = part.to, 0, 0
        for each in plan.worst:
            each.known = 0
        if part.runs is not None:
            plan.most_runs = plan.runs + part.runs
        if part.seconds is not None:
            plan.until_ns = time.monotonic_ns() + int(min(part.seconds, A_YEAR) * 1e9)
        rows, made = self._drawn(self._sample, part) if self._sample else self._explored(part)
        made.causes = list(self._judge.kinds)
        made.worst = [worst(each) for each in plan.worst]
        made.runs, made.tails, made.cut = (
            now - then for now, then in zip((plan.runs, plan.tails, plan.cut), before, strict=True)
        )
        done = Done(made, bool(plan.spent), time.monotonic() - begun)
        self._look_for_answers(done, rows)
        return done

    def _explored(self, part: Range) -> tuple[list[Tried], Found]:
        plan, rows = self._plan, list[Tried]()
        self._explorer.seek(part.first)
        while not plan.over and not plan.spent and plan.next < part.to:
            rows += self._explorer.tried(min(part.to - plan.next, MOST_AT_ONCE))
        made = Found(to=part.to, over=bool(plan.over))
        made.add(rows)
        made.half = int(
            bool(plan.spent and made.placements and plan.depth + plan.finds > 1)
        )  # the last that was come to
        return rows, made

    def _drawn(self, sample: Sample, part: Range) -> tuple[list[Tried], Found]:
        plan, rows = self._plan, list[Tried]()
        before = sample.placed(sample.draws[part.first - 1]) if part.first else None
        draws = [sample.placed(each) for each in sample.draws[part.first : part.to]]
        plan.spent = 0
        while len(rows) < len(draws) and not plan.spent:
            rows += self._explorer.drawn(draws[len(rows) :][:DRAWN_AT_ONCE])
        made = Found(to=part.to, over=part.to >= sample.count and not plan.spent)
        made.add_drawn(rows, draws, before)
        return rows, made

    def extent(self, choice: int | None) -> int:
        """Boundaries of the window, where nothing happens, or that choice at its first."""
        return self._explorer.extent(choice)

    def failing(self, draw: Draw) -> Tried | None:
        """What comes of that one, if it fails."""
        self._plan.until_ns, self._plan.most_runs = 0, 0
        rows: list[Tried] = []
        while not rows:
            rows = self._explorer.drawn([draw])
        return rows[0] if rows[0].failing and rows[0].least_outcome not in self._judge.no_answers else None

    def cause(self, outcome: int) -> str:
        """In words."""
        return self._judge.kinds[outcome - 1].words

    def _look_for_answers(self, done: Done, rows: Sequence[Tried]) -> None:
        known = self._judge.no_answers
        if not known:
            return
        places = [((row.first,), row.outcome) for row in rows] + [(row.least, row.least_outcome) for row in rows]
        without = [(len(least), least, outcome) for least, outcome in places if outcome in known]
        _, least, outcome = min(without, default=(0, (), next(iter(known))))
        done.error, done.no_answer = known[outcome], (str(known[outcome]), list(least))
        self._judge.no_answers = {}
