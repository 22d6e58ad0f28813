"""A guest under way: between slices of its run, what was typed is sent to it, and who waits is told that it runs."""

from __future__ import annotations

import argparse
import os
import select
import sys
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Protocol

from vmm.cli import interrupts
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.cli.session import Console
    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine

SLICE = 2_000_000
INTERACTIVE = 100_000
"""Instructions; boundaries like any others, so nothing depends on them but how soon a key is seen."""


class Typed(Protocol):
    """Where the first serial port's input comes from."""

    slice: int

    def send(self, machine: Machine) -> None:
        """What is there now."""

    def wait(self) -> bool:
        """Until there is more; False when there will be none."""


class Given:
    """Bytes that are there from the start."""

    slice = SLICE

    def __init__(self, data: bytes) -> None:
        self._data = data

    def send(self, machine: Machine) -> None:
        if self._data:
            machine.type(self._data)
        self._data = b""

    def wait(self) -> bool:
        return False


class Keyboard:
    """A terminal, line by line; Ctrl-D ends it."""

    slice = INTERACTIVE

    def __init__(self, file: int) -> None:
        self._file = file
        self._open = True

    def send(self, machine: Machine) -> None:
        while self._open and select.select([self._file], [], [], 0)[0]:
            data = os.read(self._file, 4096)
            self._open = bool(data)
            if data:
                machine.type(data)

    def wait(self) -> bool:
        if self._open:
            select.select([self._file], [], [])
        return self._open


def typed(source: str) -> Typed:
    """The input that `--input` names; VmmError where it cannot be read."""
    if source == "-":
        return Keyboard(sys.stdin.fileno()) if sys.stdin.isatty() else Given(sys.stdin.buffer.read())
    try:
        return Given(Path(source).read_bytes())
    except OSError as error:
        raise VmmError(f"--input {source}: {error.strerror}") from error


SILENT = 5.0
"""Seconds of the host's in which a guest wrote nothing, after which a line tells that it runs; then twice as many."""
LONGEST = 60.0


class Progress:
    """For who sits at a terminal and sees nothing happen. The host's clock is read between slices alone, and what it
    says goes nowhere but into that line.
    """

    def __init__(self, console: Console, file: IO[str]) -> None:
        self._console, self._file = console, file
        self._written = -1
        self._due = self._pause = 0.0

    def tell(self, machine: Machine) -> None:
        """Print a line if it is due: how far it is, and where."""
        now = monotonic()
        if self._console.written != self._written:
            self._written, self._pause = self._console.written, SILENT
            self._due = now + self._pause
            return
        if now < self._due:
            return
        self._pause = min(2 * self._pause, LONGEST)
        self._due = now + self._pause
        self._console.begin_line()
        where = machine.where(machine.cpu.pc)
        print(f"vmm: still running, {machine.instructions} instructions, at {where}; Ctrl-C ends it", file=self._file)


def progress(console: Console, options: argparse.Namespace, typed: Typed | None = None) -> Progress | None:
    """For a terminal, where nothing else is told meanwhile, and where it is not the guest that waits for its user."""
    if options.quiet or options.log or not sys.stderr.isatty() or isinstance(typed, Keyboard):
        return None
    return Progress(console, sys.stderr)


def go(machine: Machine, typed: Typed | None, progress: Progress | None = None) -> Stop:
    """Run to a stop."""
    slice = typed.slice if typed else SLICE if progress else None
    while True:
        interrupts.check()
        if typed:
            typed.send(machine)
        if progress:
            progress.tell(machine)
        stop = machine.run(insns=slice)
        more = stop.reason == "count" or (stop.reason == "idle" and typed and typed.wait())
        if not more:
            return stop
