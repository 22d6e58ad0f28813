"""What an exploration comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any, NamedTuple

from vmm.machine.explorer import Placement, Tried
from vmm.placements.deadline import Deadline, length
from vmm.placements.sample import Sample
from vmm.placements.story import Moment

__all__ = ["Failure", "Happening", "Report"]

PROVEN, COUNTEREXAMPLE, SPENT, NOTHING = "proven", "counterexample", "budget spent", "nothing delivered"
LOST, SAMPLED = "not all tried", "sampled"
LEAST = 1e-6
"""Of probabilities that are told."""
MOST_PLACES = 8
"""Shown of one cause; `plain` has all."""
APART = ("failures", "suspicious", "least", "deadline", "longest", "deepest", "sample", "moments")
"""Fields that JSON has as `plain` gives them, or has not."""
EXIT_STATUS = {PROVEN: 0, COUNTEREXAMPLE: 1, SPENT: 124, LOST: 124, SAMPLED: 124, NOTHING: 2}


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
    times: int = 1
    """How often the run comes by there with that outcome; `first` and `last` are of the first time."""

    def __str__(self) -> str:
        return f"{self.first.source} {self.places()}: {self.cause}"

    def places(self) -> str:
        """Where they are, in words."""
        again = f", {self.times} times" if self.times > 1 else ""
        if self.boundaries == 1:
            return f"at {self.first.where}{again}"
        return f"at each of {self.boundaries} boundaries from {self.first.where} to {self.last.where}{again}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "cause": self.cause, "boundaries": self.boundaries, "times": self.times, "first": self.first.plain(),
            "last": self.last.plain(),
        }  # fmt: skip


@dataclass(frozen=True)
class Extreme:
    """The most that a run takes: instructions, nanoseconds or bytes; the least placement with which one does."""

    value: int
    least: list[Happening]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"value": self.value, "least": [each.plain() for each in self.least]}

    def told(self, name: str, value: str, limit: str) -> str:
        """A line."""
        happened = " and ".join(f"{each.source} at {each.where}" for each in self.least)
        return f"{name}: {value} ({limit}), with {happened}"


@dataclass(kw_only=True)
class Counts:
    """Of what was tried."""

    boundaries: int = 0
    """Of the window, as far as they were tried."""
    half: int = 0
    """Of these, those in which a budget ended, so that not all that begins there was tried."""
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
    """All of the window was tried, up to its end."""
    cut: int = 0
    """Handlers, and rests of the window, that were too long to try one more interrupt at each of their boundaries."""


@dataclass
class Report(Counts):
    """What was tried and what came of it; `str` of it is for people, `plain` for machines."""

    image: str
    window: tuple[str, str]
    sources: list[str]
    depth: int
    reduction: bool
    reads: int = 0
    """That may find another value in one run, where a source is of such."""
    sample: Sample | None = None
    """What was drawn, where not all is tried."""
    lost: list[str] = field(default_factory=list)
    """Ranges of boundaries that killed each worker that was to try them, and how."""
    workers: int = 1
    """That tried it at once."""
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
    suspicious: list[Failure] = field(default_factory=list)
    """Accesses that an interrupt comes between, where no check was given: they happened, and fail nothing."""
    diagnoses: list[str] = field(default_factory=list)
    """What each run was looked at for."""
    not_applied: dict[str, str] = field(default_factory=dict)
    """Of those, which cannot say anything of this machine, and why."""
    atomicity: str = ""
    """How far that was looked for; empty: it was not."""
    deadline: Deadline | None = None
    stack: int | None = None
    longest: Extreme | None = None
    """Of the runs that come to their end, from the window's first boundary to there: instructions, or nanoseconds of
    virtual time where `deadline` is of that.
    """
    deepest: Extreme | None = None
    """Bytes by which the stack grew, where `stack` says how many it may."""
    least: list[Happening] = field(default_factory=list)
    """The least placement that fails: fewest interrupts, then earliest."""
    cause: str = ""
    """What that one leads to."""
    story: list[str] = field(default_factory=list)
    """How it goes, step by step."""
    moments: list[Moment] = field(default_factory=list)
    """Its steps with the instructions of the run that they are of, in order."""
    recording: str | None = None
    """Of it, for `vmm replay`."""

    @property
    def verdict(self) -> str:
        """ "proven" within these bounds, "counterexample", "budget spent", "not all tried": workers died at it,
        "sampled": nothing failed of what was drawn, or "nothing delivered": all was masked.
        """
        if self.over and len(self.masked) == len(self.sources):
            return NOTHING
        if self.failing:
            return COUNTEREXAMPLE
        if self.lost:
            return LOST
        if self.cut or not self.over:
            return SPENT
        return SAMPLED if self.sample else PROVEN

    @property
    def coverage(self) -> float:
        """The part of all placements that was tried, about: of all that begin in the boundaries tried, or of all that
        there are to draw from.
        """
        if self.sample:
            return self.placements / self.sample.space
        done = 1.0 if self.over else min((self.boundaries - self.half) / (self.expected or 1), 1.0)
        return 1 - (1 - done) ** self.depth  # the first of them is the earliest

    @property
    def progress(self) -> float:
        """The part that was tried of what is to be tried, about."""
        if self.sample:
            return 1.0 if self.over else min(self.placements / self.sample.count, 1.0)
        return self.coverage

    @property
    def exit_status(self) -> int:
        """0, 1, 124, and 2 where nothing could be delivered."""
        return EXIT_STATUS[self.verdict]

    def __bool__(self) -> bool:
        return self.verdict == PROVEN

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        facts = {name: value for name, value in vars(self).items() if name not in APART}
        return {
            "verdict": self.verdict, **facts, "deadline": self.deadline and self.deadline.text,
            "longest": self.longest and self.longest.plain(), "deepest": self.deepest and self.deepest.plain(),
            "sample": self.sample and self._drawn(self.sample),
            "least": [each.plain() for each in self.least],
            "failures": [each.plain() for each in self.failures],
            "suspicious": [each.plain() for each in self.suspicious],
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """A line each."""
        yield f"{self.verdict}: {self.words()}"
        yield from self.tried()
        rate = self.placements / (self.seconds or 1)
        yield f"{self.made()}, {self.seconds:.2f} s ({rate:,.0f} placements a second)"
        yield from self.remarks()
        yield from self._grouped()
        yield from (f"suspicious, though nothing fails: {each}" for each in self.suspicious)
        yield from self.story
        if self.recording:
            yield f"vmm replay {self.recording}"

    def _repr_html_(self) -> str:
        from vmm.placements.notebook import report

        return report(self)

    def made(self) -> str:
        """How many runs it took."""
        shared = f", {self.tails} of them to the end" if self.reduction else ", reduction off"
        if self.diagnoses:
            shared += ", for diagnoses look at whole runs"
        return f"{self.runs} runs made{shared}"

    def tried(self) -> Iterator[str]:
        """What was tried, a line each."""
        if self.sample:
            yield from self._sampled(self.sample)
            return
        yield (
            f"{self.boundaries} boundaries from {self.window[0]} to {self.window[1]}, {', '.join(self.sources)}, "
            f"at most {self._extent()} in one run: {self.placements} placements, {self._failing()}"
        )

    def _failing(self) -> str:
        return f"{self.failing or 'none'} of them {'fail' if self.failing > 1 else 'fails'}"

    def _sampled(self, sample: Sample) -> Iterator[str]:
        yield (
            f"{sample.boundaries} boundaries from {self.window[0]} to {self.window[1]}, {', '.join(self.sources)}, "
            f"{sample.depth} in one run: {self.placements} of {sample.space} placements, drawn with seed {sample.seed}"
            f", {self._failing()}"
        )
        if self.over:
            for needed in range(1, sample.depth + 1):
                missed = _percent(max(sample.missed(needed), LEAST))
                yield f"what {_needs(needed)} is missed with a probability of {missed} or less"

    def _drawn(self, sample: Sample) -> dict[str, Any]:
        return {
            "draws": sample.count, "of": sample.space, "seed": sample.seed, "boundaries": sample.boundaries,
            "steps": sample.steps, "missed": [sample.missed(n) for n in range(1, sample.depth + 1)],
        }  # fmt: skip

    def remarks(self) -> Iterator[str]:
        """What else there is to say of it, a line each."""
        if not self.expected:
            yield f"nothing was tried: undisturbed, {self.undisturbed}"
        yield from self._extremes()
        yield from (f"given up, for it has killed three workers: {each}" for each in self.lost)
        if self.cut:
            yield f"{self.cut} handlers or rests of the window were too long to try one more interrupt throughout"
        if self.failing and self.failing == self.placements:
            yield f"every placement fails; undisturbed, the run ends so: {self.undisturbed}"
        if self.waiting:
            yield f"{', '.join(self.waiting)}: masked at each of these boundaries, delivered behind the window"
        if self.masked and self.verdict != NOTHING:
            yield f"{', '.join(self.masked)}: masked throughout, and never delivered"
        yield from (f"{name}: not looked for: {why}" for name, why in self.not_applied.items())
        if self.diagnoses and self.verdict == PROVEN:
            yield "no diagnosis is certain; what is likely fails nothing: vmm run IMAGE --diagnose tells it of one run"
        if self.atomicity:
            yield f"atomicity: {self.atomicity}"

    def _extremes(self) -> Iterator[str]:
        """Of what was bounded."""
        if self.deadline and self.longest:
            took = length(self.longest.value, in_ns=self.deadline.in_ns)
            yield self.longest.told("longest run", took, f"deadline {self.deadline.text}")
        if self.stack and self.deepest:
            yield self.deepest.told("deepest stack", f"{self.deepest.value} bytes", f"of {self.stack}")

    def _extent(self) -> str:
        values = sum(each.startswith("read:") for each in self.sources)
        found = f"{self.reads} value{'s' * (self.reads != 1)} found"
        if not values:
            return str(self.depth)
        return found if values == len(self.sources) else f"{self.depth} and {found}"

    def _grouped(self) -> Iterator[str]:
        """Each cause once, with all the places that lead to it."""
        causes: dict[str, list[Failure]] = {}
        for each in self.failures:
            causes.setdefault(each.cause, []).append(each)
        for cause, failures in causes.items():
            if len(failures) == 1:
                yield str(failures[0])
                continue
            yield f"{cause}:"
            yield from (f"  {each.first.source} {each.places()}" for each in failures[:MOST_PLACES])
            if len(failures) > MOST_PLACES:
                yield f"  and at {len(failures) - MOST_PLACES} more places"

    def words(self) -> str:
        """What the verdict is of."""
        if self.verdict == COUNTEREXAMPLE:
            return f"{' and '.join(f'{each.source} at {each.where}' for each in self.least)}: {self.cause}"
        if self.verdict == NOTHING:
            if not self.placements:
                return f"no boundary of the window lets {' or '.join(self.masked)} happen"
            return f"nothing of {', '.join(self.masked)} could be, in the window or behind it: masked throughout"
        if self.verdict == LOST:
            return "nothing failed in what was tried, and workers died at the rest"
        if self.verdict == SAMPLED:
            return f"nothing failed in what was drawn, {_percent(self.coverage)} of it all"
        if self.verdict == SPENT:
            return f"nothing failed in what was tried, about {_percent(self.coverage)} of it all"
        return "no placement within these bounds fails"


def _needs(interrupts: int) -> str:
    if interrupts == 1:
        return "shows with one interrupt, at one boundary alone,"
    return f"needs {interrupts}, each at one boundary alone,"


def _percent(part: float) -> str:
    """With three digits of what it, or what it is less than all, is of."""
    if 0.9 < part < 1:
        return f"{100 * part:.{2 - floor(log10(100 * (1 - part)))}f} %"
    return f"{100 * part:.3g} %"


class Fails(NamedTuple):
    """A row, and which of the window's boundaries it is of."""

    boundary: int
    row: Tried


def runs_of(failing: Sequence[Fails]) -> Iterator[list[list[Fails]]]:
    """Neighbours of one choice that fail in the same way, together with the others between the same two addresses."""
    by_choice = sorted(failing, key=lambda each: (each.row.first.choice, each.boundary))
    runs: list[list[Fails]] = []
    for each in by_choice:
        if not each.row.outcome:
            continue
        if runs and _continues(runs[-1][-1], each):
            runs[-1].append(each)
        else:
            runs.append([each])
    alike: dict[object, list[list[Fails]]] = {}
    for run in runs:
        ends = [each.row.first.at.address for each in (run[0], run[-1])]
        alike.setdefault((run[0].row.first.choice, run[0].row.outcome, *ends), []).append(run)
    yield from alike.values()


def _continues(before: Fails, each: Fails) -> bool:
    one, other = before.row, each.row
    alike = (one.first.choice, one.outcome) == (other.first.choice, other.outcome)
    return alike and each.boundary == before.boundary + 1
