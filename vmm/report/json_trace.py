"""`--trace FILE`: every event of a run as JSON, written as it happens.

One object: how the machine was built, then `events`, one a line, then how it ended. The fields of an event are those of
`vmm.trace.Event` that its kind and the architecture have, and symbol and source line of its place, as far as the image
tells; a guest error is told in words, too, with its place.
"""

from __future__ import annotations

import json
from types import TracebackType

from vmm import __version__
from vmm.machine.machine import Machine
from vmm.report.output import OutputFile
from vmm.trace import Event
from vmm.trace.words import guest_error

ALL = 4096
"""More events than a machine has when it is built."""
EVERY = ("kind", "vcpu", "insns", "ns", "depth", "number", "value", "pc")
FRAME = {
    "x86": ("source", "cs", "ss", "sp", "flags", "cpl", "error"),
    "arm64": ("source", "sp", "flags", "cpl", "error", "target_el", "vector_offset"),
    "arm": ("source", "sp", "flags", "cpl", "error", "target_el", "vector_offset"),
}
"""What a delivery has besides."""


class TraceFile:
    """Writes to `file` from now on and until the context ends, however it ends: the file is valid JSON."""

    def __init__(self, file: OutputFile, machine: Machine) -> None:
        self._file = file
        self._machine = machine
        self._separator = "\n"

    def __enter__(self) -> TraceFile:
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
        for event in self._machine.trace.last(ALL):
            self._write(event)
        self._machine.trace.observe(self._write)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._machine.trace.drain()
        footer = {"instructions": self._machine.instructions, "trace_hash": self._machine.trace.hash}
        self._file.write(f"\n],\n{json.dumps(footer)[1:]}\n")

    def _write(self, event: Event) -> None:
        fields = event._asdict()
        names = EVERY + FRAME[self._machine.architecture] if event.kind == "delivered" else EVERY
        told = {name: fields[name] for name in names}
        symbol, line = self._machine.place(event.linear)
        told |= {name: text for name, text in (("symbol", symbol), ("line", line)) if text}
        if event.kind == "guest error":
            told |= {"what": guest_error(event), "where": self._machine.where(event.pc)}
        self._file.write(self._separator + json.dumps(told))
        self._separator = ",\n"
