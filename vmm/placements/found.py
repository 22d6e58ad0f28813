"""What was found in a part of a window, and how parts come together: the same, however the window was parted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmm.core.native import lib
from vmm.machine.explorer import Draw, Place, Placement, Tried
from vmm.placements.report import Counts, Fails

WORDS = 1 << 64
APART = 2
"""Between the numbers of draws, which are no neighbours."""
LOOKED_AT = 16384
"""Boundaries of the window at which it is looked what interrupts come between, at most."""


class Cause(NamedTuple):
    """`kind` tells ways to fail apart; `words` are those of one run that failed so."""

    kind: str
    words: str


Told = Callable[[Cause, Sequence[Placement]], str]
"""The words of a cause in the run with these placements."""


class Worst(NamedTuple):
    """The most that one run takes of something; of runs that take as much the least placement."""

    value: int
    placements: tuple[Placement, ...]


def _more(one: Worst | None, other: Worst | None) -> Worst | None:
    known = [each for each in (one, other) if each]
    return min(known, key=lambda each: (-each.value, len(each.placements), _places(each.placements)), default=None)


def _places(placements: Sequence[Placement]) -> list[tuple[int, int, int]]:
    return [(each.at.insns, each.at.more, each.choice) for each in placements]


@dataclass
class Found(Counts):
    """Of neighbouring boundaries."""

    to: int = 0
    """Instructions of the window: each boundary before that is one of them."""
    taken: list[int] = field(default_factory=list)
    """Which sources were delivered at one of them."""
    causes: list[Cause] = field(default_factory=list)
    """In the order in which boundaries lead to them."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Which of the causes each kind is, from 1: more than one may have the same words."""
    tried: list[Fails] = field(default_factory=list)
    worst: list[Worst | None] = field(default_factory=lambda: [None] * lib.VMM_WORST_KINDS)
    """By `vmm_worst_kind`."""
    early: list[Placement] = field(default_factory=list)
    """What was delivered at the first boundaries: of these it is looked what they come between."""

    def add(self, rows: Iterable[Tried]) -> None:
        """Of boundaries with none before them and all behind them up to the next instruction."""
        begun: list[int] = []
        last: tuple[int, int] | None = None
        for row in rows:
            at = row.first.at[:2]
            if at != last:
                # Where nothing but a delivery lies between two boundaries, the guest's own interrupt is what began.
                self._take([] if last and last[0] == at[0] else begun)
                begun, last = [], at
                self.boundaries += 1
            self.placements += row.placements
            self.failing += row.failing
            self.delivered += row.delivered
            if row.delivered:
                begun.append(row.first.choice)
            if row.delivered and row.first.at.insns < LOOKED_AT:
                self.early.append(row.first)
            if row.failing:
                self.tried.append(Fails(self.boundaries - 1, row))
        self._take(begun)

    def add_drawn(self, rows: Iterable[Tried], draws: Sequence[Draw], before: Draw | None) -> None:
        """Of draws in the order of the window, behind that one. Boundaries that were drawn are no neighbours."""
        for number, (row, draw) in enumerate(zip(rows, draws, strict=False)):
            self.boundaries += before is None or before[0][0] != draw[0][0]
            self.placements += row.placements
            self.failing += row.failing
            self.delivered += row.delivered
            if row.delivered:
                self._take([row.first.choice])
            if row.delivered and row.first.at.insns < LOOKED_AT and (before is None or before[0] != draw[0]):
                self.early.append(row.first)
            if row.failing:
                self.tried.append(Fails(APART * number, row))
            before = draw

    def _take(self, sources: Iterable[int]) -> None:
        self.taken = sorted({*self.taken, *sources})

    def join(self, other: Found, told: Told, *, gap: bool = False, drawn: int | None = None) -> None:
        """Those of `other` come behind these; `gap`: not at once; `drawn`: its first is that draw of a sample."""
        first = self.boundaries + gap if drawn is None else APART * drawn
        for fails in other.tried:
            row = fails.row
            outcome = self._number(other, row.outcome, (row.first,), told)
            least = self._number(other, row.least_outcome, row.least, told)
            moved = row._replace(outcome=outcome, least_outcome=least)
            self.tried.append(Fails(first + fails.boundary, moved))
        for name in ("boundaries", "half", "placements", "failing", "runs", "tails", "delivered", "cut"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.early += other.early
        self.worst = list(map(_more, self.worst, other.worst))
        self.over, self.to = other.over, other.to
        self._take(other.taken)

    def _number(self, other: Found, outcome: int, placements: Sequence[Placement], told: Told) -> int:
        if not outcome:
            return 0
        cause = other.causes[outcome - 1]
        if cause.kind not in self.kinds:
            words = told(cause, placements)
            known = [each.words for each in self.causes]
            if words not in known:
                self.causes.append(Cause(cause.kind, words))
                known.append(words)
            self.kinds[cause.kind] = known.index(words) + 1
        return self.kinds[cause.kind]


# ---- from a file, or another process ----


def number(value: object) -> int:
    """One of 64 bits; ValueError."""
    if not isinstance(value, int) or not 0 <= value < WORDS:
        raise ValueError
    return value


def placement(raw: Sequence[Any]) -> Placement:
    """As JSON has it."""
    (insns, more, address), choice = raw
    return Placement(Place(number(insns), number(more), number(address)), number(choice))


def _fails(raw: Sequence[Any]) -> Fails:
    boundary, row = raw
    first, outcome, delivered, shared, idle, placements, failing, least, least_outcome = row
    tried = Tried(
        placement(first), number(outcome), bool(delivered), bool(shared), bool(idle), number(placements),
        number(failing), tuple(map(placement, least)), number(least_outcome),
    )  # fmt: skip
    return Fails(number(boundary), tried)


def _worst(raw: Sequence[Any] | None) -> Worst | None:
    return None if raw is None else Worst(number(raw[0]), tuple(map(placement, raw[1])))


def found(raw: dict[str, Any]) -> Found:
    """As JSON has it; ValueError, KeyError, TypeError or IndexError for what is none."""
    numbers = {
        name: number(raw[name])
        for name in ("boundaries", "half", "placements", "failing", "runs", "tails", "delivered", "cut", "to")
    }
    made = Found(
        **numbers, seconds=float(raw["seconds"]), over=bool(raw["over"]), taken=list(map(number, raw["taken"])),
        causes=[Cause(str(kind), str(words)) for kind, words in raw["causes"]],
        kinds={str(kind): number(which) for kind, which in dict(raw["kinds"]).items()},
        worst=list(map(_worst, raw["worst"])), tried=list(map(_fails, raw["tried"])),
        early=list(map(placement, raw["early"])),
    )  # fmt: skip
    outcomes = [*made.kinds.values(), *(each.row.outcome for each in made.tried)]
    if len(made.worst) != lib.VMM_WORST_KINDS or any(
        each > len(made.causes) for each in [*outcomes, *(each.row.least_outcome for each in made.tried)]
    ):
        raise ValueError
    return made
