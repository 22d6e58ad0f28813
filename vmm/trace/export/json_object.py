"""`json`: one object, with how the machine was built, then `events`, one a line, then how it ended."""

from __future__ import annotations

import json

from vmm.core.event import Event
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.export.fields import Objects
from vmm.version import __version__


class JsonObject(Exporter[str]):
    """Valid JSON as soon as it has ended."""

    SUFFIXES = (".json",)

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._objects = Objects(machine)
        self._separator = "\n"

    def begin(self) -> None:
        config = self._machine.config
        header = {
            "vmm": __version__,
            "board": config.board,
            "cpu": config.cpu,
            "smp": config.smp,
            "memory": config.memory,
            "append": config.cmdline,
            "seed": config.seed,
        }
        self._file.write(f'{json.dumps(header)[:-1]},\n"events": [')

    def told(self, events: list[Event]) -> str:
        text = self._separator + ",\n".join(self._objects.of(events))
        self._separator = ",\n"
        return text

    def end(self) -> None:
        footer = {"instructions": self._machine.instructions, "trace_hash": self._machine.trace.hash}
        self._file.write(f"\n],\n{json.dumps(footer)[1:]}\n")
