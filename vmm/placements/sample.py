"""Placements drawn at random, where there are too many to try: which, out of how many, and what they may miss.

After PCT (Burckhardt et al., ASPLOS 2010): so many boundaries of the run, each as likely as any other, and a source for
each. A placement is told by boundaries from the window's first on, in its own run, with the handlers that run there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, product
from math import comb, exp, log1p
from random import Random

from vmm.machine.explorer import Draw

MOST = 1_000_000
"""Draws of a sample, which are kept."""


@dataclass(frozen=True)
class Sample:
    """`count` different placements of `depth` interrupts, each of them one of `sources`, by `seed`. The first of them
    is at one of the window's `boundaries`, the others anywhere behind it among the run's `steps` boundaries.
    """

    count: int
    seed: int
    sources: int
    depth: int
    boundaries: int
    steps: int

    @cached_property
    def space(self) -> int:
        """Placements that there are to draw from: of those at one boundary either may come first."""
        behind = self.steps - self.boundaries
        begun = _multisets(self.steps, self.depth) - (_multisets(behind, self.depth) if behind else 0)
        chosen: int = self.sources**self.depth
        return begun * chosen

    @cached_property
    def draws(self) -> list[tuple[int, ...]]:
        """In the order of the window; each is as likely as any other, and none comes twice. What happens where is one
        number: the boundary times `sources`, and the source.
        """
        chance, drawn = Random(self.seed), set[tuple[int, ...]]()
        while len(drawn) < self.count:
            at = self._boundaries(chance)
            if at[0] < self.boundaries:
                drawn.add(tuple(each * self.sources + _below(chance, self.sources) for each in at))
        return sorted(drawn)

    def _boundaries(self, chance: Random) -> list[int]:
        """Some may be equal, in order: with the second moved by one, the third by two and so on they differ, and any
        that differ are as likely as any others.
        """
        differing = set[int]()
        while len(differing) < self.depth:
            differing.add(_below(chance, self.steps + self.depth - 1))
        return [each - n for n, each in enumerate(sorted(differing))]

    def all(self) -> Iterator[tuple[int, ...]]:
        """All that there are to draw from, in the order of the window."""
        for at in combinations_with_replacement(range(self.steps), self.depth):
            if at[0] >= self.boundaries:
                return
            for chosen in product(range(self.sources), repeat=self.depth):
                yield tuple(each * self.sources + choice for each, choice in zip(at, chosen, strict=True))

    def placed(self, draw: tuple[int, ...]) -> Draw:
        """As the core has it."""
        return [divmod(each, self.sources) for each in draw]

    def missed(self, needed: int) -> float:
        """At most so likely is it that what shows with `needed` interrupts at just one boundary each is not in the
        sample, if those that come with them do not hide it.
        """
        if self.count >= self.space:
            return 0.0
        more = self.depth - needed
        showing = (_multisets(self.steps, more) if more else 1) * self.sources**more
        drawn, shown = self.count / self.space, showing / self.space
        return min(exp(self.count * log1p(-min(shown, 1 - 1e-16))), exp(showing * log1p(-drawn)))


def _multisets(of: int, size: int) -> int:
    return comb(of + size - 1, size)


def _below(chance: Random, limit: int) -> int:
    """The same with every Python."""
    while (number := chance.getrandbits(limit.bit_length())) >= limit:
        pass
    return number
