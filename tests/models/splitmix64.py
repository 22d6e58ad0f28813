"""A second opinion on draws from a seed: SplitMix64 of Steele, Lea and Flood (2014), as in Java's SplittableRandom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def splitmix64(seed: int) -> Iterator[int]:
    """Numbers of 64 bits without end."""
    for step in count(1):
        z = seed + step * GAMMA & MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        yield z ^ z >> 31
