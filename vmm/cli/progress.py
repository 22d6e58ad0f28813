"""How far long silent work is, for who waits at a terminal: one line, which is written over and is gone at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO, TYPE_CHECKING

from vmm.cli import interrupts
from vmm.cli.run_loop import SLICE

if TYPE_CHECKING:
    from vmm.core.stops import Stop
    from vmm.replayer.player import Replay

SHORT, OFTEN = 1.0, 0.2
"""Seconds in which nobody asks, and between two lines."""
CLEAR = "\r\x1b[K"
"""Back to the beginning of a terminal's line, which is empty then."""
COLUMNS = 100
"""Of a terminal that does not say."""


class Line:
    """Of a terminal, written over."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def show(self, text: str) -> None:
        """This, in place of what it shows; cut where it would be wrapped, for then it could not be written over."""
        self._file.write(CLEAR + text[: self._columns() - 1])
        self._file.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._file.fileno()).columns or COLUMNS
        except OSError:
            return COLUMNS

    def clear(self) -> None:
        """It is over."""
        self.show("")


class Progress:
    """On a line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._due = monotonic() + SHORT

    def tell(self, text: str) -> None:
        """Show it, if that is due."""
        if monotonic() >= self._due:
            self._due = monotonic() + OFTEN
            self._line.show(f"vmm: {text}")


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[Progress | None]:
    """None: nobody sits at a terminal, or wants to be told."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    line = Line(sys.stderr)
    try:
        yield Progress(line)
    finally:
        line.clear()


def to_end(replay: Replay, *, quiet: bool = False) -> Stop:
    """Run a recording."""
    with shown(quiet=quiet) as progress:
        while True:
            interrupts.check()
            if progress:
                done, all_of = replay.machine.instructions, replay.goal.insns
                progress.tell(f"{100 * done // all_of if all_of else 100} % of {all_of} instructions")
            stop = replay.run(insn=replay.machine.instructions + SLICE)
            if replay.finished:
                return stop
