"""Who tries which range of a window: workers, however many, one range after another, until all of it is tried.

What they find comes together in the window's order, so that how many they were shows nowhere. A worker that dies loses
its range alone, which is done again in halves; one that has killed three is given up, and told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

from vmm.coverage.image import Covered
from vmm.errors import VmmError
from vmm.placements.bounds import Bounds
from vmm.placements.checks import NoAnswer
from vmm.placements.found import Found, Told
from vmm.placements.ranges import END, MOST_AT_ONCE, Done, Range, Standing

FIRST_RANGE = 16
SECONDS = 0.25
"""That a range is to take: what is told, and can be broken off, between two."""
AHEAD = 2
"""Ranges for each worker at once: one that it tries, one that it need not wait for."""
KEPT = 8
"""For each worker, ranges that are done and wait for one before them."""
PER_INSTRUCTION = 2
"""Boundaries, where the guest takes an interrupt of its own: what a budget of runs is to be enough for."""
DEATHS = 3
IN_A_ROW = 24
"""Deaths of workers between which nothing came of any: they cannot work at all."""
GRACE = 2.0
"""Seconds that a worker has behind the end of a budget, which it knows, to tell what it found."""


@dataclass(frozen=True)
class Died:
    """A worker, before it had an answer; `why` in words."""

    why: str


class Workers(Protocol):
    """Those who try ranges."""

    count: int

    def submit(self, part: Range) -> Any:
        """Give it to the next who is free; what `done` will name it by."""

    def done(self, seconds: float | None) -> Iterable[tuple[Any, Done | Died]]:
        """What has been answered since, waited for so long at most, None: until there is something. VmmError where a
        worker refuses to begin.
        """


@dataclass(frozen=True)
class Piece:
    """A range, and how many workers it has killed."""

    first: int
    to: int
    deaths: int = 0

    def again(self) -> list[Piece]:
        """What is tried in its place."""
        middle = self.first + 1 if self.to == END else (self.first + self.to) // 2
        if middle <= self.first or middle >= self.to:
            return [Piece(self.first, self.to, self.deaths + 1)]
        return [Piece(self.first, middle, self.deaths + 1), Piece(middle, self.to, self.deaths + 1)]


class Sizes:
    """How many boundaries a range has: `first`, then by how long the last took."""

    def __init__(self, first: int) -> None:
        self._size = first

    def size(self) -> int:
        """Of the next."""
        return self._size

    def took(self, boundaries: int, seconds: float) -> None:
        """As many."""
        fitting = int(boundaries * SECONDS / max(seconds, 1e-6))
        self._size = max(min(fitting, 2 * self._size, MOST_AT_ONCE), 1)


class Conductor:
    """Of one exploration, whose window has about `inside` instructions; `found` is what is known of its beginning, and
    grows.
    """

    def __init__(
        self, workers: Workers, found: Found, bounds: Bounds, sources: int, inside: int, told: Told, *,
        drawn: bool = False,
    ) -> None:  # fmt: skip
        """`drawn`: ranges are of a sample's draws, and `inside` is the last of them."""
        self._drawn = drawn
        self._workers, self.found, self._bounds, self._told = workers, found, bounds, told
        self._sources, self._inside = sources, inside
        self._sizes = Sizes(FIRST_RANGE if bounds.depth == 1 or drawn else 1)
        self._again: deque[Piece] = deque()
        self._out: dict[Any, tuple[Piece, Range]] = {}
        self._done: dict[int, tuple[Piece, Done]] = {}
        """By their first instruction: those that wait for one before them."""
        self._partly: list[tuple[int, Done]] = []
        self._covered = Covered()
        """By the ranges of `found`, as far as workers tell it."""
        self._next = found.to
        self._runs = 0
        self._row = 0
        self._alone = False
        self._kept: Found | None = None
        """What is without a gap, where some was given up."""
        self.lost: list[tuple[Piece, str]] = []
        """Given up, and of what their workers died."""

    @property
    def gapless(self) -> Found:
        """What was found from the window's beginning on, up to the first range that was given up."""
        return self._kept or self.found

    def run(self) -> Generator[Found, None, None]:
        """What was found, as it grows; then all that was, whatever ends it."""
        begun, before = time.monotonic(), self.found.seconds
        deadline = None if self._bounds.seconds is None else begun + self._bounds.seconds
        while not self._over() and not self._spent(deadline):
            self._submit(deadline)
            if not self._out:
                break
            wait = None if deadline is None else max(deadline + GRACE - time.monotonic(), 0)
            for ticket, outcome in self._workers.done(wait):
                self._take(ticket, outcome)
            self._join()
            for each in {id(self.found): self.found, id(self.gapless): self.gapless}.values():
                each.seconds = before + time.monotonic() - begun
            yield self.found

    def all_found(self) -> Found:
        """With what lies behind a range that is not done, and what was found of those that were broken off."""
        parts = self._parts()
        if not parts:
            return self.found
        whole = deepcopy(self.found)
        for first, part in parts:
            whole.join(part.found, self._told, gap=True, drawn=first if self._drawn else None)
        whole.over, whole.to = False, self.found.to
        return whole

    @property
    def covered(self) -> Covered:
        """By all of these, as far as workers tell it."""
        whole = Covered()
        for each in (self._covered, *(part.covered for _, part in self._parts())):
            whole.add(each or Covered())
        return whole

    def _parts(self) -> list[tuple[int, Done]]:
        """That are not joined, in order."""
        parts = [(first, done) for first, (_, done) in self._done.items()]
        return sorted([*parts, *self._partly], key=lambda each: each[0])

    def _over(self) -> bool:
        return self.found.over and not self._again

    def _spent(self, deadline: float | None) -> bool:
        """The rest of the time is theirs who still may tell what they found."""
        if self._left() == 0 and not self._out:
            return True
        return deadline is not None and time.monotonic() >= deadline + (GRACE if self._out else 0)

    def _left(self) -> int | None:
        """Runs that nobody has been given."""
        if self._bounds.runs is None:
            return None
        given = sum(part.runs or 0 for _, part in self._out.values())
        return max(self._bounds.runs - self._runs - given, 0)

    # ---- ranges to workers ----

    def _submit(self, deadline: float | None) -> None:
        room = self._workers.count if self._workers.count == 1 else AHEAD * self._workers.count
        while len(self._out) < room and not (self._alone and self._out):
            seconds = None if deadline is None else deadline - time.monotonic()
            left = self._left()
            if left == 0 or (seconds is not None and seconds <= 0):
                return
            piece = self._piece(left)
            if piece is None:
                return
            runs = left if left is None or not self._out else min(left, max(left // room, self._sources))
            part = Range(piece.first, piece.to, runs, seconds)
            self._out[self._workers.submit(part)] = piece, part

    def _piece(self, left: int | None) -> Piece | None:
        if self._again:
            return self._again.popleft()
        if self._next == END or len(self._done) >= KEPT * self._workers.count:
            return None
        size = self._sizes.size()
        if self._workers.count > 1:  # none is to have much when the others have nothing left
            size = min(size, max((self._inside + 1 - self._next) // (2 * self._workers.count), 1))
        if left is not None:
            size = min(size, max(left // (PER_INSTRUCTION * self._sources), 1))
        to = self._next + size
        piece = Piece(self._next, to if to <= self._inside else END)
        self._next = piece.to
        return piece

    # ---- what came of them ----

    def _take(self, ticket: Any, outcome: Done | Died) -> None:
        piece, part = self._out.pop(ticket)
        if isinstance(outcome, Died):
            self._died(piece, outcome)
            return
        self._row = 0
        self._runs += outcome.found.runs
        self._partly = [each for each in self._partly if each[0] != piece.first]
        if outcome.spent and outcome.no_answer is None:
            self._partly.append((piece.first, outcome))
            more = self._bounds.runs is not None and self._runs < self._bounds.runs and part.runs != self._bounds.runs
            if more:  # it had but a part of what is left
                self._alone = True
                self._again.append(piece)
            return
        self._done[piece.first] = piece, outcome
        if outcome.found.over:
            self._next = END
            self._again = deque(each for each in self._again if each.first < piece.to)
        if outcome.found.boundaries:
            self._sizes.took(outcome.found.boundaries, outcome.seconds)

    def _died(self, piece: Piece, died: Died) -> None:
        self._row += 1
        if self._row >= IN_A_ROW:
            raise VmmError(f"{self._row} workers died one after the other, and nothing came of them: {died.why}")
        if piece.deaths + 1 < DEATHS:
            self._again += piece.again()
            return
        self.lost.append((piece, died.why))
        self._kept = self._kept or deepcopy(self.found)
        self._done[piece.first] = piece, Done(Found(to=piece.to, over=piece.to == END))

    def _join(self) -> None:
        """What lies behind all that is known, and has come."""
        while self._done and (self.found.to in self._done) and not self.found.over:
            piece, done = self._done.pop(self.found.to)
            if done.no_answer is not None:
                raise Unanswered(*done.no_answer, done.error)
            self._covered.add(done.covered or Covered())
            self.found.join(done.found, self._told, drawn=piece.first if self._drawn else None)
            self.found.to = END if self.found.over else piece.to
        if self.found.over:
            self._done.clear()


class Unanswered(Exception):
    """A check gave no answer with these placements."""

    def __init__(self, text: str, placements: list[Any], error: NoAnswer | None) -> None:
        super().__init__(text)
        self.text, self.placements, self.error = text, placements, error


class Here:
    """One worker: this process itself."""

    count = 1

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._asked: list[Range] = []

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        """There is nobody."""

    def begin(self, standing: Standing) -> None:
        """What ranges are to be tried of."""
        self._standing = standing

    def submit(self, part: Range) -> Range:
        """It is tried when it is asked for."""
        self._asked.append(part)
        return part

    def done(self, seconds: float | None) -> Iterable[tuple[Range, Done | Died]]:
        """Try them."""
        assert self._standing
        asked, self._asked = self._asked, []
        for part in asked:
            yield part, self._standing.tried(part)
