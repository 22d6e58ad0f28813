"""Which handlers were under way when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Execution, Run

SHOWN = 60
"""Executions, around one of the deepest."""
HEIGHT = 0.8


def draw(axes: Axes, run: Run) -> None:
    if found := sorted(run.executions(), key=lambda each: each.begin):
        deepest = max(range(len(found)), key=lambda n: found[n].depth)
        first = max(min(deepest - SHOWN // 2, len(found) - SHOWN), 0)
        _bars(axes, run, found[first : first + SHOWN])
    axes.set_xlabel("us")
    axes.set_ylabel("handlers under way")


def _bars(axes: Axes, run: Run, shown: Sequence[Execution]) -> None:
    for name in dict.fromkeys(each.name for each in shown):
        for depth in sorted({each.depth for each in shown if each.name == name}):
            spans = [(each.begin, each.end - each.begin) for each in shown if (each.name, each.depth) == (name, depth)]
            axes.broken_barh(spans, (depth - HEIGHT / 2, HEIGHT), facecolors=run.colors[name], edgecolor="white")
        axes.plot([], [], "s", color=run.colors[name], label=name)
    deepest = max(each.depth for each in shown)
    axes.set_ylim(1 - HEIGHT, max(axes.get_ylim()[1], deepest + HEIGHT))
    axes.set_yticks(range(1, int(axes.get_ylim()[1]) + 1))
    axes.legend(loc="upper right")
