"""What every command that runs a guest has: its console, the options for events and reports, how one is cut short."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from vmm.cli import BROKEN_PIPE, interrupts, logged, streams
from vmm.errors import VmmError, unknown
from vmm.gdb import Killed
from vmm.output import OutputFile, Outputs

if TYPE_CHECKING:
    from vmm.cli.parser import Parser
    from vmm.core.stops import Stop
    from vmm.diagnoses.diagnosed import Diagnoses
    from vmm.machine.machine import Machine
    from vmm.report.executed import Executed
    from vmm.report.summary import Summary


CERTAIN = 1
"""The exit status of a run of which a diagnosis is certain that it went wrong."""


def add_options(parser: Parser) -> None:
    """The options of `observe`, and `--quiet`."""
    add = parser.add_argument
    trace = "write every event: as json (the default), jsonl, int, perfetto, chrome or vcd; repeatable"
    add("--trace", action="append", default=[], type=_trace, metavar="[FORMAT:]FILE", help=trace)
    add("--summary", type=Path, metavar="FILE", help="write how the run ended as JSON")
    diagnose = "look for what goes wrong with interrupts: all, or names with budgets, as vmm diagnose --list has them"
    add("--diagnose", action="append", default=[], metavar="NAME[=BUDGET],…", help=diagnose)
    plot = "draw a picture of the run, .svg or .png: latency, jitter, nesting, stack or work; repeatable (extra: plot)"
    add("--plot", action="append", default=[], type=_plot, metavar="KIND:FILE", help=plot)
    page = "write a page of the run that needs no other file: lanes of time, every interrupt, verdicts"
    add("--report", type=Path, metavar="FILE", help=page)
    logged.add_options(parser)
    add("--quiet", action="store_true", help="no report after the run")


class Left(Exception):
    """Who sits at the terminal wanted the run to end."""


CUT_SHORT = (BrokenPipeError, KeyboardInterrupt, Killed, Left)
"""What ends a run that does not end by itself."""


MOST_WRITTEN = 64 << 10
"""Bytes of what the guest wrote that a page has, the last ones."""


class Tail:
    """The last of what a guest wrote."""

    HEARS: ClassVar = "later"

    def __init__(self) -> None:
        self._data = bytearray()

    def __call__(self, data: bytes) -> None:
        self._data += data
        del self._data[:-MOST_WRITTEN]

    def __bytes__(self) -> bytes:
        return bytes(self._data)


class Console:
    """The guest's serial port: bytes as they are, on their way at every end of line.

    Where they cannot be written the guest runs on, and its status counts; that nobody reads any more ends the run.
    """

    HEARS: ClassVar = "later"

    def __init__(self, file: IO[bytes]) -> None:
        self._file: IO[bytes] | None = file
        self._last = b"\n"
        self._problem: str | None = None
        self.tail = Tail()
        self.written = 0
        """Bytes that the guest wrote."""

    def __call__(self, data: bytes) -> None:
        self.written += len(data)
        self.tail(data)
        self._last = data[-1:]
        if self._file:
            self._try(self._file, data, flush=b"\n" in data)

    def _try(self, file: IO[bytes], data: bytes, *, flush: bool) -> None:
        try:
            file.write(data)
            if flush:
                file.flush()
        except BrokenPipeError:
            self._file = None
            streams.discard_output()
            raise
        except OSError as error:
            self._file = None
            streams.discard_output()
            self._problem = streams.trouble(error)

    def flush(self) -> None:
        """Somebody waits for it: a prompt has no end of line."""
        if self._file:
            self._try(self._file, b"", flush=True)

    def finish(self) -> None:
        """Send what is left; where both streams are one terminal, what follows begins a line."""
        if self._file:
            with suppress(BrokenPipeError):  # the guest has ended: that nobody reads is not its fault
                self._try(self._file, b"", flush=True)
        if self._problem:
            print(f"vmm: {self._problem}: what the guest wrote is lost", file=sys.stderr)
        else:
            self.begin_line()

    def begin_line(self) -> None:
        """Of standard error, where the guest's line on the same terminal has no end yet; its bytes stay as they are."""
        if self._file and self._last != b"\n" and self._file.isatty():
            self._try(self._file, b"", flush=True)
            print(file=sys.stderr)
            self._last = b"\n"


def loaded(machine: Machine) -> Sequence[Path]:
    """Files that the machine was loaded from: no output goes there."""
    return machine.source.files if machine.source else ()


def summary_file(options: argparse.Namespace, outputs: Outputs, files: ExitStack) -> OutputFile | None:
    """Open until `files` ends."""
    return files.enter_context(outputs.open("--summary", options.summary)) if options.summary else None


def observe(machine: Machine, options: argparse.Namespace, outputs: Outputs, files: ExitStack) -> Executed | None:
    """Write the events to where the options say, until `files` ends; what is given back writes what is executed."""
    for format, path in options.trace:
        from vmm.trace.export import exported, exporter

        file = files.enter_context(outputs.open("--trace", path, stream=exporter(format).STREAM))
        files.enter_context(exported(format, file, machine))
    return logged.observe(machine, options, outputs, files)


def tell_not_applied(summary: Summary) -> None:
    """Which diagnoses that were named could not say anything, for who gets no report."""
    for name, why in summary.not_applied.items():
        print(f"vmm: {name}: not looked for: {why}", file=sys.stderr)


def diagnosed(machine: Machine, options: argparse.Namespace, files: ExitStack) -> Diagnoses | None:
    """The diagnoses asked for, which look on until `files` ends."""
    words = [word for words in options.diagnose for word in words.split(",")]
    return files.enter_context(machine.diagnose(*words)) if words else None


def plotted(
    machine: Machine, options: argparse.Namespace, outputs: Outputs, files: ExitStack
) -> Callable[[], None] | None:
    """What pictures are drawn from is recorded until `files` ends; what is given back draws them."""
    if not options.plot:
        return None
    from vmm.plots.drawn import check, drawn
    from vmm.plots.run import Run
    from vmm.plots.table import plot

    asked = []
    for kind, path in options.plot:
        check("--plot", path)
        asked.append((plot(kind), path.suffix, files.enter_context(outputs.open("--plot", path))))
    files.enter_context(machine.trace.record())

    def draw() -> None:
        for each, suffix, file in asked:
            file.write(drawn(each, [Run(machine, "")], suffix))

    return draw


def reported(
    machine: Machine, options: argparse.Namespace, outputs: Outputs, files: ExitStack, console: Console
) -> Callable[[], None] | None:
    """What a page shows is recorded until `files` ends; what is given back writes it."""
    if not options.report:
        return None
    from vmm.report.page.report import RunPage

    file = files.enter_context(outputs.open("--report", options.report))
    page = files.enter_context(RunPage(machine))
    return lambda: file.write(page.html(console=bytes(console.tail)))


def cut_short(error: BaseException) -> tuple[int, str]:
    """Exit status and words of what ends a run that does not end by itself; any other error is raised."""
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE, "nobody reads standard output"
    if isinstance(error, Killed):
        return 0, "ended by gdb"
    if isinstance(error, Left):
        return 0, "ended at the terminal"
    if isinstance(error, KeyboardInterrupt):
        return interrupts.status(error), interrupts.why(error)
    raise error


def cut(machine: Machine, why: str) -> Stop:
    """The stop of a run that did not end by itself."""
    pc = machine.cpu.pc
    return replace(machine.stop, reason="user", code=0, detail=f"{why} at {machine.where(pc)}", address=pc)


def _plot(text: str) -> tuple[str, Path]:
    from vmm.plots.table import PLOTS, plot

    kind, colon, path = text.partition(":")
    if not colon or not path:
        raise VmmError(f"--plot {text}: it is KIND:FILE, and kinds are {', '.join(PLOTS)}")
    plot(kind)
    return kind, Path(path)


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
