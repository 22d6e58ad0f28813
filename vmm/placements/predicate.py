"""What must hold where a run ends, written as comparisons of values in RAM: "n == 2", "u16 head <= 8 and s32 x >= -1".

A value is little-endian, at a location that is read as the first vCPU maps it; as wide as the word before it says,
32 bits without one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vmm.core.native import lib
from vmm.errors import VmmError

RELATIONS = {
    "==": lib.VMM_EQ, "!=": lib.VMM_NE, "<=": lib.VMM_LE, ">=": lib.VMM_GE, "<": lib.VMM_LT, ">": lib.VMM_GT,
}  # fmt: skip
WIDTHS = {f"{sign}{8 * size}": (size, sign == "s") for sign in "us" for size in (1, 2, 4, 8)}
TERM = re.compile(r"\s*(?:([us]\d+)\s+)?(.+?)\s*(==|!=|<=|>=|<|>)\s*(-?(?:0x[0-9a-fA-F]+|\d+))\s*")


class Term(NamedTuple):
    """One comparison: a `vmm_term`, but that `where` is a location."""

    text: str
    where: str
    size: int
    signed: bool
    relation: int
    value: int


def terms(text: str) -> list[Term]:
    """All of the comparisons, joined by "and"; VmmError for what is none."""
    return [_term(part) for part in re.split(r"\band\b", text)]


def _term(text: str) -> Term:
    match = TERM.fullmatch(text)
    if not match:
        raise VmmError(f'{text.strip()!r} is no comparison: "n == 2" and "u16 head <= 8" are')
    width, where, relation, number = match.groups()
    if width and width not in WIDTHS:
        raise VmmError(f"{text.strip()!r}: {width} is no width: {', '.join(WIDTHS)} are")
    size, signed = WIDTHS[width or "u32"]
    value = int(number, 0)
    low, high = (-(1 << 8 * size - 1), 1 << 8 * size - 1) if signed else (0, 1 << 8 * size)
    if not low <= value < high:
        raise VmmError(f"{text.strip()!r}: {number} is no value of {width or 'u32'}")
    return Term(text.strip(), where, size, signed, RELATIONS[relation], value & (1 << 64) - 1)
