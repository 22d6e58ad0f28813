"""What pictures of a run are drawn of: marks on lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from vmm.core.event import Event

SPANS, BIT, NUMBER, INSTANTS = "spans", "bit", "number", "instants"
"""Shapes of lanes: named spans, one within the other; 0 or 1; a value; moments."""
BEGIN, END, SET, INSTANT = "begin", "end", "set", "instant"
"""What marks do: a span of that name begins; the span that began last ends; a bit or number changes; a moment."""


class Lane(NamedTuple):
    """A row of every picture. A timeline has one object for each, the same for all of its marks."""

    group: str
    """Whose it is: "vCPU 0", "lines", "8259A", "local APIC 0", "IOAPIC", "GIC", "GIC vCPU 0" (INTIDs that each vCPU
    has of its own), "stimuli", "devices".
    """
    name: str
    shape: str
    """SPANS, BIT, NUMBER or INSTANTS."""


class Mark(NamedTuple):
    """A change on a lane. A bit or number has no value that anybody knows before its first mark."""

    lane: Lane
    what: str
    """BEGIN, END, SET or INSTANT."""
    ns: int
    """Virtual time, nanoseconds since power-on; never less than the mark's before."""
    insns: int
    """Instructions begun before it, on all vCPUs."""
    name: str
    """Of a span that begins, and of a moment; else empty."""
    value: int
    """Of a bit or number; else 0."""
    event: Event
    """From which it follows."""


See = Callable[[Event, "list[Mark]"], None]
"""Looks at an event and adds the marks that follow from it."""
new: Callable[[type[Mark], tuple[Any, ...]], Mark] = tuple.__new__
"""Of a mark, all fields at once: there are millions of them."""


def instant(lane: Lane, name: str, event: Event) -> Mark:
    return new(Mark, (lane, INSTANT, event.ns, event.insns, name, 0, event))


class Values:
    """Lanes of bits or numbers that are alike; a mark only where one changes."""

    def __init__(self, group: str, name: str, shape: str = BIT) -> None:
        self._group, self._name, self._shape = group, name, shape
        self._rows: dict[int | str, list[Any]] = {}

    def set(self, key: int | str, value: int, event: Event, marks: list[Mark]) -> None:
        """`key` is what the lane's name has in its braces."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [Lane(self._group, self._name.format(key), self._shape), None]
        if row[1] != value:
            row[1] = value
            marks.append(new(Mark, (row[0], SET, event.ns, event.insns, "", value, event)))

    def get(self, key: int | str) -> int:
        """0 where nobody knows."""
        row = self._rows.get(key)
        return row[1] or 0 if row else 0

    def __contains__(self, key: int | str) -> bool:
        return key in self._rows


K = TypeVar("K")
V = TypeVar("V")


class Made(dict[K, V]):
    """Values by their keys, each made when it is first asked for; forgotten where there are too many."""

    MOST = 1 << 16

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> V:
        if len(self) >= self.MOST:
            self.clear()
        made = self[key] = self._make(key)
        return made


Sees = Iterator[tuple[str, See]]
"""Of a part of a timeline: kinds of events, and what looks at them."""
