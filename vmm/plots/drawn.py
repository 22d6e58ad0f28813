"""A picture as a file's bytes, by matplotlib, an extra; the same run gives the same SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vmm.errors import VmmError
from vmm.installing import into_python
from vmm.plots import curves
from vmm.plots.curves import Panel
from vmm.plots.run import Run
from vmm.plots.table import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar("T")
FORMATS = (".svg", ".png")
COLORS = 10
"""Of matplotlib's cycle."""
WIDE, HIGH = 6.4, 4.0
"""Inches of a part."""
STYLE: dict[str, Any] = {
    "svg.hashsalt": "vmm", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "legend.framealpha": 0.9, "savefig.dpi": 120,
}  # fmt: skip


def check(option: str, path: Path) -> None:
    """VmmError where the file's name is of no format, or matplotlib is missing: before there is a run."""
    if path.suffix not in FORMATS:
        raise VmmError(f"{option} {path}: a picture is {' or '.join(FORMATS)}")
    check_installed(option)


def check_installed(option: str) -> None:
    """VmmError where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        command = into_python("'vmm[plot]'")
        raise VmmError(
            f"{option}: matplotlib is not installed; the extra plot has it{f': {command}' if command else ''}"
        ) from error


def drawn(plot: Plot, runs: Sequence[Run], suffix: str, palette: Sequence[str] = ()) -> bytes:
    """The runs side by side, as a file has them; in matplotlib's colours, or in those of a palette of as many."""
    return saved(drawing(plot, runs, palette), suffix)


def drawing(plot: Plot, runs: Sequence[Run], palette: Sequence[str] = ()) -> Figure:
    """The runs side by side."""
    names = sorted({name for run in runs for name in run.names})

    def part(axes: Axes, run: Run) -> None:
        run.colors = {name: f"C{n % COLORS}" for n, name in enumerate(names)}
        plot.draw(axes, run)
        axes.set_title(run.title, loc="left")
        axes.label_outer()

    return _side_by_side(runs, part, alike=True, palette=palette)


def drawn_curves(panels: Sequence[Panel], suffix: str) -> bytes:
    """The panels side by side."""
    return saved(_side_by_side(panels, curves.draw, alike=False), suffix)


def _side_by_side(
    of: Sequence[T], part: Callable[[Axes, T], None], *, alike: bool, palette: Sequence[str] = ()
) -> Figure:
    """`alike`: the parts have the same axes."""
    import matplotlib
    from cycler import cycler
    from matplotlib.figure import Figure

    cycle = {"axes.prop_cycle": cycler(color=palette)} if palette else {}
    with matplotlib.rc_context(STYLE | cycle):
        figure = Figure(figsize=(WIDE * len(of), HIGH), layout="constrained")
        parts = figure.subplots(1, len(of), sharex=alike, sharey=alike, squeeze=False)[0]
        for axes, each in zip(parts, of, strict=True):
            part(axes, each)
        return figure


def saved(figure: Figure, suffix: str) -> bytes:
    """In the format that a file's name ends with."""
    import matplotlib

    file = BytesIO()
    metadata = {"Date": None} if suffix == ".svg" else {}
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format=suffix[1:], metadata=metadata)
    if suffix != ".svg":
        return file.getvalue()
    return b"".join(line.rstrip() + b"\n" for line in file.getvalue().splitlines())
