"""`jsonl`: an event a line, each an object as `json` has it, for tools that read while the run goes on."""

from __future__ import annotations

from typing import ClassVar

from vmm.core.event import Event
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.export.fields import Objects


class JsonLines(Exporter[str]):
    """No line for anything but events."""

    SUFFIXES = (".jsonl", ".ndjson")
    STREAM: ClassVar[bool] = True

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._objects = Objects(machine)

    def told(self, events: list[Event]) -> str:
        return "\n".join([*self._objects.of(events), ""])
