"""The rows of the benchmark's report."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

REPEATS = 5
RATE = "{:,.0f}/s"


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` and `met` are None where there was nothing to compare with."""

    what: str
    value: str
    against: str
    ratio: float | None
    target: str
    met: bool | None


def median(measure: Callable[[], float], repeats: int = REPEATS) -> float:
    return statistics.median(measure() for _ in range(repeats))


def compared(what: str, value: float, against: str, other: float, target: float, form: str) -> Row:
    ratio, aim = value / other, f"at least {target:.3g}"
    return Row(what, form.format(value), f"{against}, {form.format(other)}", ratio, aim, ratio >= target)


def missing(what: str, value: str, against: str, why: str) -> Row:
    return Row(what, value, f"{against}: {why}", None, "", None)
