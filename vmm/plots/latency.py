"""How long interrupts waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

BARS = 24


def draw(axes: Axes, run: Run) -> None:
    found = {name: [each.value * run.insn_us for each in events] for name, events in run.waited().items()}
    most = max((max(values) for values in found.values()), default=0.0) or run.insn_us
    edges = [most * n / BARS for n in range(BARS + 1)]
    labels = [f"{name}: {len(values)}, at most {max(values):.2f} us" for name, values in found.items()]
    colors = [run.colors[name] for name in found]
    if found:
        axes.hist(list(found.values()), bins=edges, label=labels, color=colors)
        axes.legend(loc="upper right")
    axes.set_xlabel("from request to delivery, us")
    axes.set_ylabel("interrupts")
