"""A failing placement that was drawn, made smaller by trying: all that are less, where these are few; else without some
of its interrupts, and with earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

from vmm.machine.explorer import Draw, Tried
from vmm.placements.sample import Sample

MOST = 20_000
"""Placements of as many interrupts that are tried."""
Fails = Callable[[Draw], Tried | None]
"""What came of a placement, if it fails."""


def shrunk(sample: Sample, number: int, fails: Fails) -> Tried | None:
    """The least failing one that was found: fewest interrupts, then earliest; `number` is the draw that fails. None
    where not even that one does.
    """
    draw = sample.placed(sample.draws[number])
    smallest = fails(draw)
    if smallest is None:
        return None
    for size in range(1, len(draw) + 1):
        fewer = replace(sample, depth=size)
        if fewer.space <= MOST:
            for each in fewer.all():
                if least := fails(fewer.placed(each)):
                    return least
        else:
            for part in combinations(draw, size):
                if found := fails(part):
                    return _earlier(part, found, fails)
    return smallest


def _earlier(draw: Draw, smallest: Tried, fails: Fails) -> Tried:
    """One after the other as far as it fails, in steps that are halved."""
    moved = list(draw)
    for n, (at, choice) in enumerate(draw):
        first = moved[n - 1][0] if n else 0
        step = 1 << (at - first).bit_length()
        while step := step >> 1:
            while at - step >= first:
                tried = [*moved[:n], (at - step, choice), *moved[n + 1 :]]
                smaller = fails(tried)
                if smaller is None:
                    break
                smallest, moved, at = smaller, tried, at - step
    return smallest
