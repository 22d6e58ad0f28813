"""A placement as a test writes it, and hypothesis's choice of many: it shrinks to the fewest, then to the earliest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from vmm.errors import VmmError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class At(NamedTuple):
    """`source` ("irq:4") happens at the boundary `insns` instructions behind the window's first, in that very run, and
    `more` boundaries further: a delivery makes a boundary at which the count is what it was.
    """

    insns: int
    more: int
    source: str


def placements(insns: int, sources: Sequence[str], most: int = 3) -> SearchStrategy[list[At]]:
    """None to `most` of `sources`, each up to `insns` instructions behind the window's first boundary, in order.
    VmmError where hypothesis is not installed.
    """
    try:
        from hypothesis import strategies
    except ImportError as error:
        raise VmmError("hypothesis chooses placements, and is not installed: pip install hypothesis") from error

    at = strategies.builds(
        At,
        insns=strategies.integers(0, insns),
        more=strategies.integers(0, 1),
        source=strategies.sampled_from(sources),
    )
    return strategies.lists(at, max_size=most).map(sorted)
