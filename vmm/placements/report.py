"""What an exploration comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from vmm.machine.explorer import Placement, Tried

__all__ = ["Failure", "Happening", "Report"]

PROVEN, COUNTEREXAMPLE, SPENT, NOTHING = "proven", "counterexample", "budget spent", "nothing delivered"
EXIT_STATUS = {PROVEN: 0, COUNTEREXAMPLE: 1, SPENT: 124, NOTHING: 2}


@dataclass(frozen=True)
class Happening:
    """One interrupt of a placement: `source` as it was asked for, at a boundary that `where` says in words."""

    source: str
    where: str
    placement: Placement

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        at = self.placement.at
        return {"source": self.source, "where": self.where, "insns": at.insns, "more": at.more}


@dataclass(frozen=True)
class Failure:
    """Neighbouring boundaries at which one source leads to the same: from `first` to `last`, `boundaries` in all."""

    cause: str
    first: Happening
    last: Happening
    boundaries: int

    def __str__(self) -> str:
        if self.boundaries == 1:
            return f"{self.first.source} at {self.first.where}: {self.cause}"
        places = f"from {self.first.where} to {self.last.where} ({self.boundaries} boundaries)"
        return f"{self.first.source} {places}: {self.cause}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "cause": self.cause, "boundaries": self.boundaries, "first": self.first.plain(), "last": self.last.plain()
        }  # fmt: skip


@dataclass
class Report:
    """What was tried and what came of it; `str` of it is for people, `plain` for machines."""

    image: str
    window: tuple[str, str]
    sources: list[str]
    depth: int
    reduction: bool
    boundaries: int = 0
    """Of the window, as far as they were tried."""
    placements: int = 0
    """Covered."""
    failing: int = 0
    runs: int = 0
    """Really made, up to their end or to where they were another's."""
    tails: int = 0
    """Of those, how many went to the end."""
    delivered: int = 0
    """Single interrupts that were delivered at the very boundary."""
    seconds: float = 0.0
    """Of host time."""
    over: bool = False
    """All of the window was tried."""
    cut: int = 0
    """Handlers, and rests of the window, that were too long to try one more interrupt at each of their boundaries."""
    expected: int = 0
    """Boundaries of the window, as the undisturbed run tells; interrupts that it takes by itself make more."""
    undisturbed: str = ""
    """How the run ends that nobody disturbs."""
    waiting: list[str] = field(default_factory=list)
    """Sources that are masked at each boundary of the window and delivered behind it."""
    masked: list[str] = field(default_factory=list)
    """Sources that were delivered nowhere."""
    failures: list[Failure] = field(default_factory=list)
    """Of single interrupts, by where they are."""
    least: list[Happening] = field(default_factory=list)
    """The least placement that fails: fewest interrupts, then earliest."""
    cause: str = ""
    """What that one leads to."""
    story: list[str] = field(default_factory=list)
    """How it goes, step by step."""
    recording: str | None = None
    """Of it, for `vmm replay`."""

    @property
    def verdict(self) -> str:
        """ "proven" within these bounds, "counterexample", "budget spent", or "nothing delivered": all was masked."""
        if self.over and len(self.masked) == len(self.sources):
            return NOTHING
        if self.failing:
            return COUNTEREXAMPLE
        return PROVEN if self.over and not self.cut else SPENT

    @property
    def coverage(self) -> float:
        """The part of all placements that was tried, about: of all that begin in the boundaries tried."""
        done = 1.0 if self.over else min(self.boundaries / (self.expected or 1), 1.0)
        return 1 - (1 - done) ** self.depth  # the first of them is the earliest

    @property
    def exit_status(self) -> int:
        """0, 1, 124, and 2 where nothing could be delivered."""
        return EXIT_STATUS[self.verdict]

    def __bool__(self) -> bool:
        return self.verdict == PROVEN

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        facts = {name: value for name, value in vars(self).items() if name not in ("failures", "least")}
        return {
            "verdict": self.verdict, **facts, "least": [each.plain() for each in self.least],
            "failures": [each.plain() for each in self.failures],
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """A line each."""
        yield f"{self.verdict}: {self._words()}"
        yield (
            f"{self.boundaries} boundaries from {self.window[0]} to {self.window[1]}, {', '.join(self.sources)}, "
            f"at most {self.depth} in one run: {self.placements} placements, {self.failing or 'none'} of them "
            f"{'fail' if self.failing > 1 else 'fails'}"
        )
        shared = f", {self.tails} of them to the end" if self.reduction else ", reduction off"
        rate = self.placements / (self.seconds or 1)
        yield f"{self.runs} runs made{shared}, {self.seconds:.2f} s ({rate:,.0f} placements a second)"
        if self.cut:
            yield f"{self.cut} handlers or rests of the window were too long to try one more interrupt throughout"
        if self.failing and self.failing == self.placements:
            yield f"every placement fails; undisturbed, the run ends so: {self.undisturbed}"
        if self.waiting:
            yield f"{', '.join(self.waiting)}: masked at each of these boundaries, delivered behind the window"
        if self.masked and self.verdict != NOTHING:
            yield f"{', '.join(self.masked)}: masked throughout, and never delivered"
        yield from (str(failure) for failure in self.failures)
        yield from self.story
        if self.recording:
            yield f"vmm replay {self.recording}"

    def _words(self) -> str:
        if self.verdict == COUNTEREXAMPLE:
            return f"{' and '.join(f'{each.source} at {each.where}' for each in self.least)}: {self.cause}"
        if self.verdict == NOTHING:
            return f"nothing of {', '.join(self.masked)} could be, in the window or behind it: masked throughout"
        if self.verdict == SPENT:
            return f"nothing failed in what was tried, about {100 * self.coverage:.3g} % of it all"
        return "no placement within these bounds fails"


def runs_of(tried: Sequence[Tried]) -> Iterator[list[Tried]]:
    """Neighbours of one choice that fail in the same way."""
    by_choice = sorted(enumerate(tried), key=lambda row: (row[1].first.choice, row[0]))
    for (_, outcome), rows in groupby(by_choice, key=lambda row: (row[1].first.choice, row[1].outcome)):
        if outcome:
            yield [row for _, row in rows]
