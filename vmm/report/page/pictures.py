"""The plots of a run in its page, where matplotlib is there to draw them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from vmm.plots.table import PLOTS, plot
from vmm.report.page.colors import PALETTE

if TYPE_CHECKING:
    from vmm.machine.machine import Machine


def pictures(machine: Machine) -> str:
    """Markup; empty where there is no matplotlib, or no interrupt."""
    if find_spec("matplotlib") is None or not any(machine.trace.interrupts()):
        return ""
    from vmm.plots.drawn import drawn
    from vmm.plots.run import Run

    parts, run = [], Run(machine, "")
    for name, what in PLOTS.items():
        if name == "work" and not run.works():
            continue
        svg = drawn(plot(name), [run], ".svg", PALETTE).decode()
        parts.append(f"<figure><figcaption>{what}</figcaption>{svg[svg.index('<svg') :]}</figure>")
    return "".join(parts)
