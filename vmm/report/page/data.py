"""What a page shows of a run, as plain numbers and texts: columns, one entry an event or interrupt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vmm.catalog import title_of
from vmm.core.event import Event
from vmm.diagnoses.diagnosis import Looked, certain_first, is_x86
from vmm.quantities import in_words
from vmm.report import crash
from vmm.report.page.columns import Columns, Texts
from vmm.report.page.interrupts import Interrupts
from vmm.report.page.lanes import Lanes, steps
from vmm.report.page.told import VERDICT, Told, woven
from vmm.trace.timeline import Timeline
from vmm.trace.words import sentence

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

MOST = 200_000
"""Events that a page has, the last ones."""


class Data:
    """Of a machine whose run is over, and was recorded."""

    def __init__(
        self, machine: Machine, looked: Looked, *, built: Sequence[Event] = (), console: str = "",
        told: Sequence[Told] = (),
    ) -> None:  # fmt: skip
        """`built` are the events of the machine's making, where it was watched from there on; `told` is a story, and
        what was done to the machine from outside.
        """
        self._machine, self._looked, self._console = machine, looked, console
        self._verdicts = certain_first(looked.verdicts)
        evidence = (each for verdict in self._verdicts for each in verdict.evidence)
        told = [*told, *(Told(each.insns, VERDICT, each.words, each.where, each.vcpu) for each in evidence)]
        self._left_out, last = machine.trace.of().tail(MOST)
        events = [*([] if self._left_out else built), *last]
        self._told = told if events else []
        self._woven = woven(events, self._told, machine.insn_ns)
        self._events = self._woven.events
        self._texts = Texts()
        self._names: dict[tuple[object, ...], int] = {}
        self._wheres: dict[int, int] = {}

    @property
    def whole(self) -> bool:
        """All of its events are there."""
        return not self._left_out

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        machine = self._machine
        found = {
            "title": self._title,
            "facts": [[name, str(value)] for name, value in self._facts()],
            "note": self._note,
            "end": {"insns": machine.instructions, "ns": machine.now_ns},
            "kinds": self._kinds,
            "events": self._event_columns(),
            "lanes": self._lanes(),
            **self._interrupts(),
            "verdicts": self._verdict_rows(),
            "figures": self._looked.figures,
            "told": [[each.kind, at] for each, at in zip(self._told, self._woven.at, strict=True)],
            "findings": [str(each) for each in machine.findings()],
            "console": self._console,
            "crash": self._crash(),
        }
        return found | {"texts": self._texts.all}  # when all of them are there

    def _crash(self) -> list[list[Any]]:
        """Registers and instructions of a guest that went wrong; lanes have its last events."""
        if not crash.is_crash(self._machine.stop):
            return []
        *sections, _ = crash.sections(self._machine)
        return [list(section) for section in sections]

    @property
    def _title(self) -> str:
        source = self._machine.source
        return title_of(source.image) if source else self._machine.config.board

    def _facts(self) -> Iterable[tuple[str, object]]:
        machine, config = self._machine, self._machine.config
        yield "image", self._title
        yield "board", config.board
        yield "CPU", f"{config.cpu}, {len(machine.cpus)} of them" if len(machine.cpus) > 1 else config.cpu
        yield "ended", machine.stop
        yield "instructions", f"{machine.instructions:,}"
        yield "virtual time", in_words(machine.now_ns)
        yield "guest errors", machine.trace.guest_errors
        yield "trace hash", machine.trace.hash

    @property
    def _note(self) -> str:
        if not self._left_out:
            return ""
        shown = len(self._events) - len(self._told)
        first, count = self._events[0].insns, self._left_out + shown
        return f"Of {count:,} events the last {shown:,} are shown, from insn {first:,} on, and no pictures"

    # ---- events ----

    @cached_property
    def _kinds(self) -> list[str]:
        return sorted({event.kind for event in self._events})

    def _event_columns(self) -> dict[str, list[int]]:
        kinds = {kind: number for number, kind in enumerate(self._kinds)}
        return {
            "insns": steps([event.insns for event in self._events]),
            "ns": steps([event.ns for event in self._events]),
            "vcpu": [event.vcpu for event in self._events],
            "kind": [kinds[event.kind] for event in self._events],
            "what": [self._what(at, event) for at, event in enumerate(self._events)],
            "where": [self._place(at, event) for at, event in enumerate(self._events)],
        }

    def _what(self, at: int, event: Event) -> int:
        told = self._woven.told.get(at)
        return self._texts(told.text) if told else self._happened(event)

    def _place(self, at: int, event: Event) -> int:
        told = self._woven.told.get(at)
        return self._texts(told.where) if told and told.where else self._where(event.linear)

    def _happened(self, event: Event) -> int:
        key = event.kind, event.number, event.value, event.source, event.error
        if key not in self._names:
            self._names[key] = self._texts(sentence(event, self._machine))
        return self._names[key]

    def _where(self, linear: int) -> int:
        if linear not in self._wheres:
            self._wheres[linear] = self._texts(self._machine.where(linear))
        return self._wheres[linear]

    def _lanes(self) -> list[dict[str, Any]]:
        timeline, lanes = Timeline(self._machine), Lanes(self._texts)
        for at, event in enumerate(self._events):
            if at in self._woven.told:
                continue
            for mark in timeline(event):
                lanes.take(mark, at)
        return lanes.plain(len(self._events))

    # ---- interrupts ----

    def _interrupts(self) -> dict[str, Any]:
        found = Interrupts(self._events, x86=is_x86(self._machine))
        columns = Columns(self._machine, found, self._texts, self._where)
        for each in found.all:
            columns.add(each)
        return columns.plain()

    # ---- what is told of the run ----

    def _verdict_rows(self) -> list[dict[str, Any]]:
        """The marks of their evidence are the last of `told`, in this order."""
        return [
            {
                "name": verdict.diagnosis, "confidence": verdict.confidence, "text": verdict.text,
                "evidence": len(verdict.evidence),
            }
            for verdict in self._verdicts
        ]  # fmt: skip
