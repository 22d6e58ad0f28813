"""Events in files, a row a format: behind `--trace FORMAT:FILE`, `-d int` and `m.trace.export`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from vmm.errors import unknown
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.export.int_log import IntLog
from vmm.trace.export.json_lines import JsonLines
from vmm.trace.export.json_object import JsonObject

FORMATS: dict[str, type[Exporter]] = {
    "json": JsonObject,
    "jsonl": JsonLines,
    "int": IntLog,
}
DEFAULT = "json"
BUILT = 4096
"""More events than a machine has when it is built."""


def exporter(format: str) -> type[Exporter]:
    """VmmError, with the nearest right name, for a format there is not."""
    if format not in FORMATS:
        raise unknown("trace format", format, FORMATS)
    return FORMATS[format]


@contextmanager
def exported(format: str, file: Output, machine: Traced) -> Iterator[None]:
    """Write what happens in a machine that was just built until the context ends, however it ends."""
    export = exporter(format)(file, machine)
    export.begin()
    for event in machine.trace.last(BUILT):
        export(event)
    with ExitStack() as ends:
        ends.callback(export.end)
        ends.callback(machine.trace.observe(export))
        yield
