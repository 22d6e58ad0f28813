"""Tables, drawn by rich; imported only where there is something to draw, for it takes longer than a short run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from vmm.columns import columns

WIDE = 160
"""Columns of a file or pipe, which has no edge to wrap at, unless COLUMNS says how many."""
WRAPPING = 20
"""Columns that the last one, where it is words, keeps at least."""


def show(names: Sequence[str], rows: Iterable[Sequence[object]], file: TextIO, width: int | None = None) -> None:
    """Print a table; columns of numbers, "-" among them, are set right. Where the last one is words, no cell but
    these is broken: if there is no room for that, a row takes several lines.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    width = width or (None if file.isatty() else columns(WIDE))
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    numeric = [all(row[index] == "-" or row[index][:1].isdigit() for row in cells) for index in range(len(names))]
    broken = [name.replace(" ", "\n") for name in names]
    titles = next((each for each in (names, broken) if _least(each, cells) <= console.width), None)
    if titles is None and not numeric[-1]:
        _show_narrow(names, cells, console)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, title in enumerate(titles or broken):
        whole = not any(" " in row[index] for row in cells)
        table.add_column(title, justify="right" if numeric[index] else "left", no_wrap=whole, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _least(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Columns that such a table takes at least, with three blanks between."""
    by_column = zip(titles, *cells, strict=True)
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in by_column]
    return sum(widths[:-1]) + min(widths[-1], WRAPPING) + 3 * (len(titles) - 1)


def _show_narrow(names: Sequence[str], cells: Sequence[Sequence[str]], console: Console) -> None:
    """A row's first cell, below it the last, and what the others are."""
    for first, *others, last in cells:
        console.print(first, soft_wrap=True)
        console.print(Padding(last, (0, 0, 0, 2)))
        console.print(Padding(", ".join(map(" ".join, zip(names[1:-1], others, strict=True))), (0, 0, 0, 2)))
