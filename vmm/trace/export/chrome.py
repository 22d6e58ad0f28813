"""`chrome`: Chrome's trace event JSON, for chrome://tracing, speedscope and whatever else reads that.

A group is a process, a lane a thread of it; bits and numbers are counters. Times are microseconds of virtual time, to
the nanosecond.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from vmm.trace.export.drawing import Drawing
from vmm.trace.export.exporter import Output, Traced
from vmm.trace.timeline import Lane, Mark
from vmm.trace.timeline.marks import BEGIN, END, INSTANT, SET

PHASES = {BEGIN: "B", END: "E", INSTANT: "i", SET: "C"}
MOST_HEADS = 1 << 16


class Chrome(Drawing[str]):
    """An event a line; valid JSON as soon as it has ended."""

    SUFFIXES = (".chrome.json", ".trace.json")

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._groups: dict[str, int] = {}
        self._lanes: dict[Lane, int] = {}
        self._heads: dict[tuple[Lane, str, str, int], str] = {}
        self._lines: list[str] = []
        self._separator = "\n"

    def begin(self) -> None:
        self._file.write('{"displayTimeUnit": "ns", "traceEvents": [')

    def end(self) -> None:
        super().end()
        self._file.write("\n]}\n")

    def _drawn(self) -> str:
        if not self._lines:
            return ""
        text = self._separator + ",\n".join(self._lines)
        self._separator = ",\n"
        self._lines.clear()
        return text

    def _draw(self, marks: Iterable[Mark]) -> None:
        add, heads = self._lines.append, self._heads
        for lane, what, ns, insns, name, value, _ in marks:
            head = heads.get((lane, what, name, value)) or self._head(lane, what, name, value)
            note = f', "args": {{"insns": {insns}}}' if name else ""
            add(f'{head}, "ts": {ns // 1000}.{ns % 1000:03d}{note}}}')

    def _head(self, lane: Lane, what: str, name: str, value: int) -> str:
        """What does not change from one of these to the next, without its end."""
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        facts: dict[str, object] = {"ph": PHASES[what], "pid": self._group(lane.group), "tid": self._lane(lane)}
        if what == SET:
            facts |= {"name": lane.name, "args": {"value": value}}
        elif what != END:
            facts |= {"name": name, "cat": lane.name}
        if what == INSTANT:
            facts["s"] = "t"
        head = self._heads[lane, what, name, value] = json.dumps(facts)[:-1]
        return head

    def _group(self, name: str) -> int:
        if name not in self._groups:
            self._groups[name] = len(self._groups) + 1
            self._tell("process_name", self._groups[name], 0, name)
        return self._groups[name]

    def _lane(self, lane: Lane) -> int:
        if lane not in self._lanes:
            self._lanes[lane] = len(self._lanes) + 1
            self._tell("thread_name", self._groups[lane.group], self._lanes[lane], lane.name)
        return self._lanes[lane]

    def _tell(self, what: str, pid: int, tid: int, name: str) -> None:
        self._lines.append(json.dumps({"ph": "M", "pid": pid, "tid": tid, "name": what, "args": {"name": name}}))
