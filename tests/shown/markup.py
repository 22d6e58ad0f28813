"""What a cell shows, read as a browser reads it: its elements, its tables, its text."""

from __future__ import annotations

from html.parser import HTMLParser

ELEMENTS = {"div", "style", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "p", "span"}
"""All that pictures are made of; whatever else there is, somebody's text has brought."""
YES = "●"


class Shown(HTMLParser):
    """AssertionError where elements are not ours, or not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self.tables: list[list[list[str]]] = []
        """Each as rows of cells, its head first where it has one."""
        self.text = ""
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        assert {name for name, _ in attrs} <= {"class", "style", "title"}
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if {"th", "td"} & {*self._open}:
            self.tables[-1][-1][-1] += data

    def rows(self, table: int = 0) -> list[dict[str, str]]:
        """Of a table with a head, by its columns' names."""
        head, *rows = self.tables[table]
        return [dict(zip(head, row, strict=True)) for row in rows]
