"""Markdown as a terminal or a pipe shows it: rich's, but to be copied from. So code has its lines as they are."""

from __future__ import annotations

import io
from typing import TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from vmm.columns import columns

WIDE = 100
"""Columns where nobody says how many there are."""
PLAINER = str.maketrans({"═": "=", "─": "-", "→": "->", "…": "...", "•": "*", "▶": ">"})


class _Code(CodeBlock):
    """Neither padded nor wrapped."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip("\n")
        text = Syntax("", self.lexer_name, theme="ansi_dark").highlight(code) if console.is_terminal else Text(code)
        text.rstrip()
        text.no_wrap, text.overflow = True, "ignore"
        yield text


class _Heading(Heading):
    """At the left, with the marks that tell its level."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        level = int(self.tag[1:])
        mark = "" if level == 1 else f"{'#' * level} "
        self.text.justify = "left"
        yield Text.assemble(mark, self.text, style="bold")
        if level == 1:
            yield Text("═" * min(self.text.cell_len, options.max_width))


class _Table(TableElement):
    """With no edges, and every row on lines of its own."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for drawn in super().__rich_console__(console, options):
            if isinstance(drawn, Table):
                drawn.box, drawn.show_edge, drawn.pad_edge = box.SIMPLE_HEAD, False, False
                drawn.show_header = any(str(column.header) for column in drawn.columns)
                for column in drawn.columns:
                    column.overflow = "fold"
            yield drawn


class _Page(Markdown):
    elements = Markdown.elements | {
        "fence": _Code, "code_block": _Code, "heading_open": _Heading, "table_open": _Table
    }  # fmt: skip


def show(text: str, file: TextIO) -> None:
    """Print Markdown: in colours on a terminal, else as plain text of COLUMNS columns with no blanks at line ends; in
    other letters where the file has not these.
    """
    encoding = file.encoding or "utf-8"
    unicode = encoding.lower().startswith("utf")
    if file.isatty() and unicode:
        Console(file=file, emoji=False).print(_Page(text, hyperlinks=False), crop=False)
        return
    plain = io.StringIO()
    Console(file=plain, width=columns(WIDE), height=1, emoji=False, color_system=None).print(_Page(text), crop=False)
    shown = "".join(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())
    file.write(shown if unicode else shown.translate(PLAINER).encode(encoding, "replace").decode(encoding))
