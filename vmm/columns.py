"""How wide a text may be, and how a long one is broken: between words alone."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Sequence

LEAST = 20
"""Columns below which no table can be drawn."""


def columns(otherwise: int) -> int:
    """Of a pipe or a file: what COLUMNS says, or `otherwise` where that is no number of columns."""
    said = os.environ.get("COLUMNS", "")
    return max(int(said), LEAST) if re.fullmatch("[1-9][0-9]{0,3}", said) else otherwise


WIDE = 160
"""Columns of a file or pipe, which has no edge to wrap at, unless COLUMNS says how many."""


def width() -> int:
    """Of standard output, a terminal or not; a terminal may say that it has none."""
    return columns(shutil.get_terminal_size((WIDE, 0)).columns or WIDE)


def broken(text: str, wide: int, *, head: str = "", indent: int = 2) -> str:
    """In lines of so many columns, behind `head`, or below it where there is no room for a word; those behind the first
    are indented. A longer word stays whole.
    """
    longest = max(map(len, text.split()), default=0)
    if head.strip() and max(len(head), indent) + longest > wide:
        return f"{head.rstrip()}\n{broken(text, wide, head='  ')}"
    lines = textwrap.wrap(
        text, wide, initial_indent=head, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) or head.rstrip()


def listed(parts: Sequence[str], wide: int, indent: int = 0) -> str:
    """With commas between them, and none of them broken."""
    lines = [" " * indent]
    for n, part in enumerate(parts):
        line, comma = lines[-1], "," * (n < len(parts) - 1)
        if n and len(f"{line} {part}{comma}") > wide:
            lines.append(" " * indent + part + comma)
        else:
            lines[-1] = f"{line} {part}{comma}" if n else f"{line}{part}{comma}"
    return "\n".join(lines)
