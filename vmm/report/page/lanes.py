"""The timeline's marks as rows that a page draws: where each begins, ends or changes, by the index of its event."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vmm.trace.timeline import Lane, Mark
from vmm.trace.timeline.marks import BEGIN, END, INSTANTS, SPANS

LINES = "lines"


@dataclass
class _Row:
    """Spans of one depth, which do not overlap; or instants; or changes of a bit or a number."""

    at: list[int] = field(default_factory=list)
    until: list[int] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    """Of a span or instant the number of its name's text."""


@dataclass
class _Drawn:
    lane: Lane
    rows: list[_Row] = field(default_factory=lambda: [_Row()])
    open: list[tuple[int, int]] = field(default_factory=list)

    def take(self, mark: Mark, at: int, text: Callable[[str], int]) -> None:
        if mark.what == BEGIN:
            self.open.append((at, text(mark.name)))
        elif mark.what == END:
            self.close(at)
        else:
            self.rows[0].at.append(at)
            self.rows[0].value.append(text(mark.name) if self.lane.shape == INSTANTS else mark.value)

    def close(self, at: int) -> None:
        """The innermost span."""
        if not self.open:
            return
        began, name = self.open.pop()
        depth = len(self.open)
        while len(self.rows) <= depth:
            self.rows.append(_Row())
        row = self.rows[depth]
        row.at.append(began)
        row.until.append(at)
        row.value.append(name)


class Lanes:
    """Group by group."""

    def __init__(self, text: Callable[[str], int]) -> None:
        self._text = text
        self._drawn: dict[Lane, _Drawn] = {}

    def take(self, mark: Mark, at: int) -> None:
        """A mark that follows from the event with this index; marks come in its order."""
        drawn = self._drawn.get(mark.lane)
        if drawn is None:
            drawn = self._drawn[mark.lane] = _Drawn(mark.lane)
        drawn.take(mark, at, self._text)

    def plain(self, end: int) -> list[dict[str, Any]]:
        """As JSON has it; what is still open ends at `end`, the index behind the last event."""
        groups: dict[str, list[_Drawn]] = {}
        for drawn in self._drawn.values():
            while drawn.open:
                drawn.close(end)
            groups.setdefault(drawn.lane.group, []).append(drawn)
        came: dict[str, int] = {}
        for name in groups:
            came.setdefault(_kind(name), len(came))

        def rank(group: list[_Drawn]) -> tuple[bool, bool, int, list[tuple[int, str]]]:
            """vCPUs, lines, controllers and all else, the first of its kind that came first, and then by number."""
            name = group[0].lane.group
            no_vcpu = all(drawn.lane.shape != SPANS for drawn in group)
            return no_vcpu, name != LINES, came[_kind(name)], _by_number(name)

        return [_plain(drawn) for group in sorted(groups.values(), key=rank) for drawn in sorted(group, key=_order)]


def _kind(group: str) -> str:
    """Of which there may be one for each vCPU."""
    return group.rstrip("0123456789")


def _by_number(name: str) -> list[tuple[int, str]]:
    """Numbers in it as numbers."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _order(drawn: _Drawn) -> tuple[bool, list[tuple[int, str]]]:
    """Spans as they came, then by name."""
    return (False, []) if drawn.lane.shape == SPANS else (True, _by_number(drawn.lane.name))


def _plain(drawn: _Drawn) -> dict[str, Any]:
    lane = drawn.lane
    rows = [{"at": steps(row.at), "until": steps(row.until), "value": row.value} for row in drawn.rows]
    return {"group": lane.group, "name": lane.name, "shape": lane.shape, "rows": rows}


def steps(numbers: list[int]) -> list[int]:
    """The first of them, then how far each is behind the one before: short to write down."""
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]
