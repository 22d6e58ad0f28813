"""How long a device's work waited for its driver, and for which interrupt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

MOST = 20_000
"""Works, the last ones."""


def draw(axes: Axes, run: Run) -> None:
    done = run.works()
    if shown := done[-MOST:]:
        times, waits = zip(*shown, strict=True)
        label = f"{len(done)} works, {run.works_asked()} interrupts, at most {max(waits):.2f} us"
        axes.plot(times, waits, ".", label=label)
        axes.legend(loc="lower right")
    axes.set_xlabel("came at, us")
    axes.set_ylabel("until it was done, us")
    axes.set_ylim(bottom=0)
