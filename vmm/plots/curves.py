"""What depends on a number that somebody chose: a figure of many runs, over that number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Curve(NamedTuple):
    """A point a run."""

    label: str
    across: Sequence[float]
    up: Sequence[float]


class Mark(NamedTuple):
    """A line through all of a panel."""

    label: str
    value: float
    upright: bool = False
    """At `value` of what goes across; else of what goes up."""


class Panel(NamedTuple):
    """Curves of one unit."""

    title: str
    across: str
    """What goes across, with its unit; `up` likewise."""
    up: str
    curves: Sequence[Curve]
    marks: Sequence[Mark] = ()
    ticks: Sequence[float] = ()
    """Of what goes across, which is then logarithmic; empty: linear."""


def draw(axes: Axes, panel: Panel) -> None:
    """A panel of a picture."""
    for curve in panel.curves:
        axes.plot(curve.across, curve.up, ".-", label=curve.label)
    for mark in panel.marks:
        line = axes.axvline if mark.upright else axes.axhline
        line(mark.value, color="C3", linestyle="--", label=mark.label)
    if panel.ticks:
        axes.set_xscale("log")
        axes.set_xticks(panel.ticks, labels=[f"{tick:g}" for tick in panel.ticks])
        axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    axes.set_xlabel(panel.across)
    axes.set_ylabel(panel.up)
    axes.set_title(panel.title, loc="left")


def crossing(one: Curve, other: Curve) -> float:
    """Where two curves over the same numbers, ascending, meet first: between the two points that it lies between, on
    straight lines. ValueError: they do not.
    """
    apart = [a - b for a, b in zip(one.up, other.up, strict=True)]
    for n in range(1, len(apart)):
        before, behind = apart[n - 1], apart[n]
        if before * behind <= 0 and before != behind:
            left, right = one.across[n - 1], one.across[n]
            return left + (right - left) * before / (before - behind)
    raise ValueError(f"{one.label} and {other.label} do not meet")
