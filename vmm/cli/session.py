"""What every command that runs a guest has: its console, the options for events and reports, how one is cut short."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vmm.errors import VmmError, unknown
from vmm.output import OutputFile

if TYPE_CHECKING:
    from vmm.cli.parser import Parser
    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine

LOGS = ("int",)


def add_options(parser: Parser) -> None:
    """The options of `observe`, and `--quiet`."""
    add = parser.add_argument
    trace = "write every event: as json (the default), jsonl or int; repeatable"
    add("--trace", action="append", default=[], type=_trace, metavar="[FORMAT:]FILE", help=trace)
    add("--summary", type=Path, metavar="FILE", help="write how the run ended as JSON")
    add("-d", dest="log", type=_log, metavar="int", help="a line for every interrupt, exception and guest error")
    add("--quiet", action="store_true", help="no report after the run")


class Console:
    """The guest's serial port: bytes as they are, on their way at every end of line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._last = b"\n"

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._last = data[-1:]
        if b"\n" in data:
            self._file.flush()

    def finish(self) -> None:
        """Send what is left; where both streams are one terminal, what follows begins a line."""
        self._file.flush()
        if self._last != b"\n" and self._file.isatty():
            print(file=sys.stderr)


def observe(machine: Machine, options: argparse.Namespace, files: ExitStack) -> None:
    """Write the events to where the options say, until `files` ends."""
    if not options.trace and not options.log:
        return
    from vmm.trace.export import exported

    for format, path in options.trace:
        files.enter_context(exported(format, files.enter_context(OutputFile("--trace", path)), machine))
    if options.log:
        files.enter_context(exported(options.log, sys.stderr, machine))


def cut(machine: Machine, why: str) -> Stop:
    """The stop of a run that did not end by itself."""
    pc = machine.cpu.pc
    return replace(machine.stop, reason="user", code=0, detail=f"{why} at {machine.where(pc)}", address=pc)


def _trace(text: str) -> tuple[str, Path]:
    """Format and file. As QEMU takes protocols: a format ends at the first colon, unless there is a slash before it."""
    from vmm.trace.export import DEFAULT, FORMATS

    format, colon, path = text.partition(":")
    if not colon or "/" in format:
        return DEFAULT, Path(text)
    if format not in FORMATS:
        error = unknown("trace format", format, FORMATS)
        raise VmmError(f"--trace {text}: {error}; a file of this name is {DEFAULT}:{text}")
    return format, Path(path)


def _log(text: str) -> str:
    if text not in LOGS:
        raise unknown("log", text, LOGS)
    return text
