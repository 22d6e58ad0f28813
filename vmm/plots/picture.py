"""A plot for who has the machine: in a notebook it shows itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vmm.catalog import title_of
from vmm.errors import VmmError
from vmm.output import OutputFile
from vmm.plots import table
from vmm.plots.drawn import check, check_installed, drawing, saved
from vmm.plots.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vmm.machine.machine import Machine

__all__ = ["Picture", "plot"]


NO_WIDER = "max-width: 100%; height: auto"
"""Than the notebook."""


class Picture:
    """What `plot` gives."""

    def __init__(self, name: str, figure: Figure) -> None:
        self._name, self._figure = name, figure

    def __repr__(self) -> str:
        return f"<Picture of {self._name}>"

    def _repr_svg_(self) -> str:
        drawn = saved(self._figure, ".svg").decode()
        return drawn.replace("<svg ", f'<svg style="{NO_WIDER}" ', 1)

    @property
    def figure(self) -> Figure:
        """Matplotlib's."""
        return self._figure

    def save(self, path: Path | str) -> None:
        """To a file, .svg or .png; VmmError for another, and where it cannot be written."""
        check("picture", Path(path))
        with OutputFile("picture", path) as file:
            file.write(saved(self._figure, Path(path).suffix))


def plot(name: str, *machines: Machine) -> Picture:
    """What was recorded (`m.trace.record()`) of one run or, side by side, of several: "latency", "jitter", "nesting",
    "stack" or "work", as `vmm run --plot` draws it. VmmError for another name, where nothing was ever recorded, and
    where matplotlib is not installed: the extra `plot` has it.
    """
    chosen = table.plot(name)
    check_installed("plot")
    if not machines:
        raise VmmError("plot: of which machine?")
    return Picture(name, drawing(chosen, [Run(each, _title(each)) for each in machines]))


def _title(machine: Machine) -> str:
    return title_of(machine.source.image) if machine.source else ""
