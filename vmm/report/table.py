"""Tables, drawn by rich; imported only where there is something to draw, for it takes longer than a short run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

WIDE = 160
"""Columns of a file or pipe, which has no edge to wrap at."""


def show(columns: Sequence[str], rows: Iterable[Sequence[object]], file: TextIO) -> None:
    """Print a table; columns of numbers, "-" among them, are set right."""
    cells = [[str(cell) for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = all(row[index] == "-" or row[index][:1].isdigit() for row in cells)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*row)
    width = None if file.isatty() else WIDE
    Console(file=file, width=width, highlight=False, markup=False, emoji=False).print(table)
