"""What a page has of each interrupt, a column a fact; what many have in common is there once, by its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from vmm.arch import named
from vmm.arch.architecture import Interrupted
from vmm.core.event import Event
from vmm.plots.run import Run
from vmm.report.page.code import Code
from vmm.report.page.interrupts import Interrupt, Interrupts
from vmm.report.page.lanes import steps
from vmm.trace import InterruptStats
from vmm.trace.words import columns

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

NONE = -1
HANDLER, INTERRUPTED = 8, 3
"""Instructions that are shown of a handler, and from where it was delivered on."""
MOST_PLACES = 4096
"""Interrupted places whose instructions are shown."""
LEVELS = {"cpl": "from level", "target_el": "to EL"}
"""Fields of a delivery."""


class Texts:
    """Each once, by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def all(self) -> list[str]:
        return list(self._numbers)


class Columns:
    """Of the interrupts of one machine; `where` is the number of an address's text."""

    def __init__(self, machine: Machine, found: Interrupts, texts: Texts, where: Callable[[int], int]) -> None:
        self._machine, self._found, self._texts, self._where = machine, found, texts, where
        self._code, self._run = Code(machine), Run(machine, "")
        architecture = named(machine.architecture)
        self._words, self._dump = architecture.words(), architecture.dump()
        self._colors = {name: number for number, name in enumerate(sorted(self._run.names))}
        self._vectors: dict[tuple[int, int, str], int] = {}
        self._rows: list[dict[str, Any]] = []
        for row in machine.trace.interrupts():
            self._vectors[row.vcpu, row.vector, row.source] = len(self._rows)
            self._rows.append(self._vector(row))
        self._known: dict[Event, int] = {}
        self._frames: dict[tuple[tuple[int, int], ...], int] = {}
        self._blocks: dict[tuple[int, int, int], int] = {}
        self._lines: list[list[int]] = []
        self._instructions: dict[int, int] = {}
        self._columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def add(self, each: Interrupt) -> None:
        """The next one."""
        for name, column in self._columns.items():
            column.append(COLUMNS[name](self, each))

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        columns = self._columns | {"at": steps(self._columns["at"])}
        rows = [(address, *self._code.rows[address]) for address in self._instructions]
        code = {
            "where": [self._where(address) for address, *_ in rows],
            "text": [self._texts(text) for _, text, _ in rows],
            "source": [self._texts(source) for *_, source in rows],
        }
        frames = [list(frame) for frame in self._frames]
        return {"interrupts": columns, "vectors": self._rows, "frames": frames, "blocks": self._lines, "code": code}

    def _vector(self, row: InterruptStats) -> dict[str, Any]:
        machine = self._machine
        number, source = columns(row.vector, row.source, machine.architecture, machine.cpu.exception_name)
        return {
            "vcpu": row.vcpu, "number": number, "source": source, "delivered": row.delivered,
            "least": row.minimum, "median": row.median, "most": row.maximum, "color": NONE,
        }  # fmt: skip

    def _row(self, each: Interrupt) -> int:
        event = each.delivered
        row = self._vectors[event.vcpu, event.number, event.source]
        self._rows[row]["color"] = self._colors[self._run.name(event)]
        return row

    def _frame(self, each: Interrupt) -> int:
        event = each.delivered
        key = event._replace(insns=0, ns=0, value=0, depth=0)
        if key not in self._known:
            fields = tuple((self._texts(name), self._texts(text)) for name, text in self._fields(event))
            self._known[key] = self._frames.setdefault(fields, len(self._frames))
        return self._known[key]

    def _fields(self, event: Event) -> Iterator[tuple[str, str]]:
        """What it returns to, and what else the delivery kept of that; then from and to which level it went."""
        yield "returns to", self._machine.where(event.linear)
        fields = [*self._dump.frame(self._machine.cpus[event.vcpu], event)]
        for field in fields:
            if field.delivered is not None:
                place = "" if field.at is None else f" at {field.at:#x}"
                yield field.name, f"{field.delivered:#x}{place}"
        if not fields:  # in registers that have had another one's since then
            yield "saved address", f"{event.pc:#x}"
            yield "saved flags", f"{event.flags:#x}"
        for name in self._words.frame:
            if name in LEVELS:
                yield LEVELS[name], str(getattr(event, name))

    def _handler(self, each: Interrupt) -> int:
        event = each.delivered
        return self._block(
            event, event.code, HANDLER, lambda cpu: Interrupted(event.code, self._dump.entered(cpu, event))
        )

    def _interrupted(self, each: Interrupt) -> int:
        event = each.delivered
        return self._block(event, event.linear, INTERRUPTED, lambda cpu: self._dump.interrupted(cpu, event))

    def _block(self, event: Event, address: int, count: int, begin: Callable[[Any], Interrupted]) -> int:
        key = event.vcpu, address, count
        if key not in self._blocks:
            if len(self._blocks) >= MOST_PLACES:
                return NONE
            self._blocks[key] = len(self._lines)
            cpu = self._machine.cpus[event.vcpu]
            block = self._code.block(cpu, begin(cpu), count)
            self._lines.append([self._instructions.setdefault(each, len(self._instructions)) for each in block])
        return self._blocks[key]

    def _at(self, event: Event | None) -> int:
        return self._found.index(event) if event else NONE

    def _hops(self, each: Interrupt) -> list[int]:
        answered = self._at(each.response.answered if each.response else None)
        return sorted({*each.hops, *([] if answered == NONE else [answered])})

    def _blame(self, each: Interrupt) -> list[Any]:
        blamed = each.response.blamed if each.response else None
        return [blamed.state, self._at(blamed.since), self._at(blamed.until)] if blamed else []


COLUMNS: dict[str, Callable[[Columns, Interrupt], Any]] = {
    "at": lambda _, each: each.at,
    "vector": Columns._row,
    "masked": lambda _, each: each.response.masked if each.response else NONE,
    "nested": lambda _, each: each.response.nested if each.response else NONE,
    "entry": lambda _, each: each.response.entry if each.response and each.response.answered else NONE,
    "answered": lambda own, each: own._at(each.response.answered if each.response else None),
    "returned": lambda _, each: NONE if each.returned is None else each.returned,
    "depth": lambda _, each: each.delivered.depth,
    "hops": Columns._hops,
    "frame": Columns._frame,
    "handler": Columns._handler,
    "interrupted": Columns._interrupted,
    "blame": Columns._blame,
}
"""NONE: there is none. Masked, nested and entry are instructions."""
