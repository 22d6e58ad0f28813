"""All plots by name; here one is added."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from vmm.errors import unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmm.plots.run import Run

PLOTS = {
    "latency": "how many interrupts waited how long from their request to their delivery",
    "jitter": "how late each interrupt was, over the time of its request",
    "nesting": "which handlers were under way when, around the deepest nesting",
    "stack": "how far handlers reached down their stack, up to the guard word where the image has one",
    "work": "how long a device's work, such as a packet, waited until its driver had done it, over the time it came",
}
"""A module each."""
CURVES = "curves"
"""What a case asks for whose scenario.py has `curves(boot)`: it makes the runs itself, and says what to draw."""


class Plot(Protocol):
    """A module of one."""

    def draw(self, axes: Axes, run: Run) -> None:
        """What there is to see of a run."""


def plot(name: str) -> Plot:
    """VmmError, with the nearest right name, for one there is not."""
    if name not in PLOTS:
        raise unknown("plot", name, PLOTS)
    return cast(Plot, import_module(f"vmm.plots.{name}"))
