"""What a page shows of a run, as plain numbers and texts: columns, one entry an event or interrupt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.arch import named
from vmm.core.event import Event
from vmm.diagnoses.diagnosis import Looked, is_x86
from vmm.quantities import in_words
from vmm.report.page.columns import Columns, Texts
from vmm.report.page.interrupts import Interrupts
from vmm.report.page.lanes import Lanes, steps
from vmm.trace.timeline import Timeline
from vmm.trace.words import sentence

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

MOST = 200_000
"""Events that a page has, the last ones."""


class Placed(NamedTuple):
    """Something that came from outside, or is told of the run: a mark to jump to."""

    insns: int
    text: str


class Data:
    """Of a machine whose run is over, and was recorded."""

    def __init__(
        self, machine: Machine, looked: Looked, *, console: str = "", told: Sequence[Placed] = (),
        outside: Sequence[Placed] = (),
    ) -> None:  # fmt: skip
        """`told` is a story, `outside` what was done to the machine; each in the order of the run."""
        self._machine, self._looked, self._console = machine, looked, console
        self._told, self._outside = told, outside
        self._left_out, events = machine.trace.of().tail(MOST)
        self._events = list(events)
        self._texts = Texts()
        self._names: dict[tuple[object, ...], int] = {}
        self._wheres: dict[int, int] = {}

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        machine = self._machine
        found = {
            "title": self._title,
            "facts": [[name, str(value)] for name, value in self._facts()],
            "note": self._note,
            "number": named(machine.architecture).number,
            "insnNs": machine.insn_ns,
            "end": {"insns": machine.instructions, "ns": machine.now_ns},
            "kinds": self._kinds,
            "events": self._event_columns(),
            "lanes": self._lanes(),
            **self._interrupts(),
            "verdicts": self._verdicts(),
            "figures": self._looked.figures,
            "told": self._placed(self._told),
            "outside": self._placed(self._outside),
            "findings": [str(each) for each in machine.findings()],
            "console": self._console,
        }
        return found | {"texts": self._texts.all}  # when all of them are there

    @property
    def _title(self) -> str:
        source = self._machine.source
        return source.image.name if source else self._machine.config.board

    def _facts(self) -> Iterable[tuple[str, object]]:
        machine, config = self._machine, self._machine.config
        yield "image", machine.source.image if machine.source else "none"
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
        shown = len(self._events)
        return (
            f"Of {self._left_out + shown:,} events the last {shown:,} are shown, from insn {self._events[0].insns:,} on"
        )

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
            "what": [self._happened(event) for event in self._events],
            "where": [self._where(event.linear) for event in self._events],
        }

    def _happened(self, event: Event) -> int:
        key = event.kind, event.number, event.value, event.source, event.error
        if key not in self._names:
            self._names[key] = self._texts(sentence(event, self._machine))
        return self._names[key]

    def _where(self, linear: int) -> int:
        if linear not in self._wheres:
            self._wheres[linear] = self._texts(self._machine.where(linear))
        return self._wheres[linear]

    def _at(self, insns: int) -> int:
        """The first event that is not before an instruction."""
        return bisect_left(self._insns, insns)

    @cached_property
    def _insns(self) -> list[int]:
        return [event.insns for event in self._events]

    def _lanes(self) -> list[dict[str, Any]]:
        timeline, lanes = Timeline(self._machine), Lanes(self._texts)
        for at, event in enumerate(self._events):
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

    def _verdicts(self) -> list[dict[str, Any]]:
        return [
            {
                "name": verdict.diagnosis, "confidence": verdict.confidence, "text": verdict.text,
                "evidence": [
                    {"at": self._at(each.insns), "insns": each.insns, "where": each.where, "words": each.words}
                    for each in verdict.evidence
                ],
            }
            for verdict in sorted(self._looked.verdicts, key=lambda each: not each.certain)
        ]  # fmt: skip

    def _placed(self, placed: Sequence[Placed]) -> list[dict[str, Any]]:
        return [{"at": self._at(each.insns), "insns": each.insns, "text": each.text} for each in placed]
