"""How late each interrupt was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

MOST = 20_000
"""Points of one source, the last ones."""


def draw(axes: Axes, run: Run) -> None:
    for name, events in run.waited().items():
        last = events[-MOST:]
        late = [each.value * run.insn_us for each in last]
        requested = [each.ns / 1000 - wait for each, wait in zip(last, late, strict=True)]
        label = f"{name}: {min(late):.2f} to {max(late):.2f} us late"
        axes.plot(requested, late, ".", label=label, color=run.colors[name])
    if axes.lines:
        axes.legend(loc="upper right")
    axes.set_xlabel("requested at, us")
    axes.set_ylabel("late, us")
