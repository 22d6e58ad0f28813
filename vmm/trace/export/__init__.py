"""Events in files, a row a format: behind `--trace FORMAT:FILE`, `vmm export`, `-d int` and `m.trace.export`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from vmm.errors import VmmError, unknown
from vmm.trace.export.chrome import Chrome
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.export.int_log import IntLog
from vmm.trace.export.json_lines import JsonLines
from vmm.trace.export.json_object import JsonObject
from vmm.trace.export.perfetto import Perfetto
from vmm.trace.export.vcd import Vcd

FORMATS: dict[str, type[Exporter[Any]]] = {
    "json": JsonObject,
    "jsonl": JsonLines,
    "int": IntLog,
    "perfetto": Perfetto,
    "chrome": Chrome,
    "vcd": Vcd,
}
DEFAULT = "json"
BUILT = 4096
"""More events than a machine has when it is built."""


def exporter(format: str) -> type[Exporter[Any]]:
    """VmmError, with the nearest right name, for a format there is not."""
    if format not in FORMATS:
        raise unknown("trace format", format, FORMATS)
    return FORMATS[format]


def format_of(path: Path) -> str:
    """That whose files end as this name does; VmmError, with the nearest right ending, where there is none."""
    endings = {ending: name for name, each in FORMATS.items() for ending in each.SUFFIXES}
    fitting = [ending for ending in endings if path.name.lower().endswith(ending)]
    if fitting:
        return endings[max(fitting, key=len)]
    if not path.suffix:
        raise VmmError(f"{path}: its name does not say which format it is: --format {', '.join(FORMATS)}")
    raise VmmError(f"{path}: {unknown('ending of a trace', path.suffix, endings)}, or say --format")


@contextmanager
def exported(format: str, file: Output, machine: Traced) -> Iterator[None]:
    """Write what happens in a machine that was just built until the context ends, however it ends."""
    export = exporter(format)(file, machine)
    export.begin()
    export.take(machine.trace.last(BUILT))
    with ExitStack() as ends:
        ends.callback(export.end)
        ends.callback(machine.trace.take(export.take))
        yield
