"""How long a run may take: "80us" of virtual time, "5000insns"."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import NamedTuple

from vmm import quantities
from vmm.errors import VmmError

INSNS = "insns"
MOST = 1 << 63


class Deadline(NamedTuple):
    """From the window's first boundary to the end of a run."""

    text: str
    value: int
    in_ns: bool
    """Of virtual time; else instructions."""


def deadline(said: str | int) -> Deadline:
    """A number is of instructions; VmmError."""
    text = f"{said}{INSNS}" if isinstance(said, int) else said
    in_insns = text.endswith(INSNS)
    try:
        value = quantities.count(text.removesuffix(INSNS).strip()) if in_insns else quantities.duration(text)
    except ArgumentTypeError:
        value = 0
    if not 0 < value < MOST:
        raise VmmError(f"deadline {text!r}: it is a time or a number of instructions, such as 80us or 5000insns")
    return Deadline(text, value, not in_insns)


def length(value: int, *, in_ns: bool) -> str:
    """In words."""
    return quantities.in_words(value) if in_ns else f"{value} instruction{'s' * (value != 1)}"
