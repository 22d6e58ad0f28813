"""How far handlers reached down their stack."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vmm.core.event import Event

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

GUARDS = ("stack_guard", "guard")
MOST = 20_000
"""Deliveries and returns, the last ones."""
MARGIN = 1.1
FAR = 1 << 20
"""Bytes between stack pointers that are of two stacks."""


def draw(axes: Axes, run: Run) -> None:
    guard = next(filter(None, map(run.address, GUARDS)), None)
    events = [each for each in run.events("delivered", "returned") if _on_one(each, guard)][-MOST:]
    top = max((each.sp for each in events), default=0)
    times = [each.ns / 1000 for each in events]
    if events:
        axes.step(times, [top - each.sp for each in events], where="post", color="C0", label="stack pointer")
    if guard is not None and events:
        axes.axhline(top - guard, color="C3", linestyle="--", label="guard word")
        over = [each for before, each in pairwise(events) if each.sp <= guard < before.sp]
        axes.plot([each.ns / 1000 for each in over], [top - each.sp for each in over], "x", color="C3")
    lowest = max([top - each.sp for each in events] + [top - (guard or top), 0]) * MARGIN
    axes.set_ylim(max(lowest, *axes.get_ylim()), 0)  # a stack grows down
    if events:
        axes.legend(loc="best")
    axes.set_xlabel("us")
    axes.set_ylabel("bytes below the highest")


def _on_one(event: Event, guard: int | None) -> bool:
    """On the stack above the guard word, or near below; on any where there is none."""
    return event.vcpu == 0 and (guard is None or abs(event.sp - guard) < FAR)
