"""`json`: one object, with how the machine was built, then `events`, one a line, then how it ended."""

from __future__ import annotations

import json

from vmm.core.event import Event
from vmm.trace.export.exporter import Exporter
from vmm.trace.export.fields import told
from vmm.version import __version__


class JsonObject(Exporter):
    """Valid JSON as soon as it has ended."""

    _separator = "\n"

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

    def __call__(self, event: Event) -> None:
        self._file.write(self._separator + json.dumps(told(event, self._machine)))
        self._separator = ",\n"

    def end(self) -> None:
        footer = {"instructions": self._machine.instructions, "trace_hash": self._machine.trace.hash}
        self._file.write(f"\n],\n{json.dumps(footer)[1:]}\n")
