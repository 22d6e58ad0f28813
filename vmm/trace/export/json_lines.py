"""`jsonl`: an event a line, each an object as `json` has it, for tools that read while the run goes on."""

from __future__ import annotations

import json
from typing import ClassVar

from vmm.core.event import Event
from vmm.trace.export.exporter import Exporter
from vmm.trace.export.fields import told


class JsonLines(Exporter):
    """No line for anything but events."""

    STREAM: ClassVar[bool] = True

    def __call__(self, event: Event) -> None:
        self._file.write(f"{json.dumps(told(event, self._machine))}\n")
