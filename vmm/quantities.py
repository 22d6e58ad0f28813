"""Sizes, counts and durations as people write them; each a `type` for argparse, exact to the last unit."""

from __future__ import annotations

import re
from collections.abc import Mapping

U64 = 1 << 64
SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
COUNTS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
DURATIONS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
"""Suffixes and their worth in bytes, instructions and nanoseconds."""

_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?(?:e(\d{1,2}))?([a-z]*)")


def size(text: str) -> int:
    """Bytes: `16M`, `1G`, `4096`."""
    return _quantity(text, SIZES, "a size such as 16M, 1G or 4096")


def count(text: str) -> int:
    """Instructions: `1000`, `1e6`, `2.5M`."""
    return _quantity(text, COUNTS, "a number such as 1000, 1e6 or 2.5M")


def duration(text: str) -> int:
    """Nanoseconds of virtual time: `5s`, `200ms`, `10us`."""
    return _quantity(text, DURATIONS, "a time such as 5s, 200ms, 10us or 50ns")


def unsigned64(text: str) -> int:
    """0 to 2**64 - 1, decimal or 0x…"""
    return _integer(text, 0, U64, "a number from 0 to 2^64-1")


def address(text: str) -> int:
    """A 32-bit physical address, decimal or 0x…"""
    return _integer(text, 0, 1 << 32, "an address from 0 to 0xffffffff")


def positive(text: str) -> int:
    """1 and up."""
    return _integer(text, 1, U64, "a number from 1 on")


def _integer(text: str, first: int, end: int, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not first <= value < end:
        raise _wrong(text, what)
    return value


def _quantity(text: str, units: Mapping[str, int], what: str) -> int:
    match = _NUMBER.fullmatch(text.lower())
    unit = units.get(match[4]) if match else None
    if match is None or unit is None:
        raise _wrong(text, what)
    fraction = match[2] or ""
    denominator: int = 10 ** len(fraction)
    scaled: int = int(match[1] + fraction) * 10 ** int(match[3] or 0) * unit
    if scaled % denominator or not 0 < scaled < U64 * denominator:
        raise _wrong(text, f"{what}: it must be whole, above 0 and below 2^64")
    return scaled // denominator


def _wrong(text: str, what: str) -> Exception:
    from argparse import ArgumentTypeError  # a script that only wants the units need not wait for it

    return ArgumentTypeError(f"{text!r} is not {what}")


def in_words(ns: int) -> str:
    """A duration in the largest unit that leaves a whole part."""
    unit, worth = next(((name, worth) for name, worth in reversed(DURATIONS.items()) if ns >= worth), ("ns", 1))
    value = ns / worth
    return f"{value:.4g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
