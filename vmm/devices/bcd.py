"""Packed binary-coded decimal, as the 8254 counts and the MC146818 keeps time."""

from __future__ import annotations


def to_bcd(value: int) -> int:
    """The decimal digits of `value`, four bits each."""
    return int(str(value), 16)


def from_bcd(value: int) -> int:
    """The number that four-bit digits spell; a digit above 9, undefined in hardware, keeps its own weight."""
    return sum((value >> 4 * place & 0xF) * 10**place for place in range(4))
