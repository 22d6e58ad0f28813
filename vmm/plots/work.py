"""How long a device's work waited for its driver, and for which interrupt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import lib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

WHAT = (1 << lib.VMM_WORK_BITS) - 1
MOST = 20_000
"""Works, the last ones."""


def draw(axes: Axes, run: Run) -> None:
    came: dict[tuple[int, int], int] = {}
    done: list[tuple[float, float]] = []
    asked = 0
    for event in run.events("work"):
        work, what = (event.number, event.value >> lib.VMM_WORK_BITS), event.value & WHAT
        if what == lib.VMM_WORK_COMES:
            came[work] = event.ns
        elif what == lib.VMM_WORK_DONE and work in came:
            done.append((came[work] / 1000, (event.ns - came.pop(work)) / 1000))
        asked += what == lib.VMM_WORK_ASKED
    if shown := done[-MOST:]:
        times, waits = zip(*shown, strict=True)
        axes.plot(times, waits, ".", label=f"{len(done)} works, {asked} interrupts, at most {max(waits):.2f} us")
        axes.legend(loc="lower right")
    axes.set_xlabel("came at, us")
    axes.set_ylabel("until it was done, us")
    axes.set_ylim(bottom=0)
