"""Tables, drawn by rich; imported only where there is something to draw, for it takes longer than a short run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from vmm.columns import WIDE, broken, columns, listed

NOTHING = "-"
WRAPPING = 20
"""Columns that the last one, where it is words, keeps at least."""


def show(names: Sequence[str], rows: Iterable[Sequence[object]], file: TextIO, width: int | None = None) -> None:
    """Print a table; None is "-", and columns of numbers are set right. Where the last one is words, no cell but these
    is broken: if there is no room for that, a row takes several lines.
    """
    cells = [[NOTHING if cell is None else str(cell) for cell in row] for row in rows]
    width = width or (None if file.isatty() else columns(WIDE))
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    numeric = [all(row[index] == NOTHING or row[index][:1].isdigit() for row in cells) for index in range(len(names))]
    split = [name.replace(" ", "\n") for name in names]
    titles = next((each for each in (names, split) if _least(each, cells, numeric) <= console.width), None)
    if titles is None:
        file.writelines(f"{line}\n" for line in _narrow(names, cells, console.width, words=not numeric[-1]))
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, title in enumerate(titles):
        whole = index < len(names) - 1 or numeric[index] or not any(" " in row[index] for row in cells)
        table.add_column(title, justify="right" if numeric[index] else "left", no_wrap=whole, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _least(titles: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> int:
    """Columns that such a table takes at least, with three blanks between."""
    by_column = zip(titles, *cells, strict=True)
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in by_column]
    last = widths[-1] if numeric[-1] else min(widths[-1], max(WRAPPING, _longest(cells)))
    return sum(widths[:-1]) + last + 3 * (len(titles) - 1)


def _longest(cells: Sequence[Sequence[str]]) -> int:
    """Of the words of the last column."""
    return max((len(word) for row in cells for word in row[-1].split()), default=0)


def _narrow(names: Sequence[str], cells: Sequence[Sequence[str]], width: int, *, words: bool) -> Iterator[str]:
    """A row's first cell, below it the last where that is words, and what the others are."""
    for row in cells:
        told = [f"{name} {cell}" for name, cell in zip(names, row, strict=True)]
        if not words:
            first, *rest = told
            yield from (first, listed(rest, width, indent=2))
            continue
        yield row[0]
        if row[-1]:
            yield broken(row[-1], width, head="  ")
        yield listed(told[1:-1], width, indent=2)
