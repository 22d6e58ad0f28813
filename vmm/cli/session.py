"""What every command that runs a guest has: its console, the files and lines of events, the report at the end."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vmm.errors import unknown
from vmm.report.output import OutputFile

if TYPE_CHECKING:
    from vmm.cli.parser import Parser
    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine
    from vmm.report.summary import Summary

LOGS = ("int",)


def add_options(parser: Parser) -> None:
    """The options of `observe`, and `--quiet`."""
    add = parser.add_argument
    add("--trace", type=Path, metavar="FILE", help="write every event as JSON")
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
    if options.trace:
        from vmm.report.json_trace import TraceFile

        files.enter_context(TraceFile(files.enter_context(OutputFile("--trace", options.trace)), machine))
    if options.log:
        from vmm.report.int_log import IntLog

        machine.trace.observe(IntLog(sys.stderr, machine))


def cut(machine: Machine, why: str) -> Stop:
    """The stop of a run that did not end by itself."""
    pc = machine.cpu.pc
    return replace(machine.stop, reason="user", code=0, detail=f"{why} at {machine.where(pc)}", address=pc)


def report(machine: Machine, summary: Summary) -> None:
    """Why the run ended, and what there was in it."""
    from vmm.report import crash, guest_errors

    print(f"vmm: {summary.stop.reason}: {summary.stop.detail}", file=sys.stderr)
    if crash.is_crash(summary.stop):
        crash.show(machine, sys.stderr)
    summary.show_interrupts(sys.stderr)
    guest_errors.show(machine, sys.stderr)
    summary.show_totals(sys.stderr)


def _log(text: str) -> str:
    if text not in LOGS:
        raise unknown("log", text, LOGS)
    return text
