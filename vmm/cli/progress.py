"""How far long silent work is, for who waits at a terminal: one line, which is written over and is gone at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO, TYPE_CHECKING

from vmm.cli import interrupts
from vmm.cli.streams import CLEAR

if TYPE_CHECKING:
    from vmm.core.stops import Stop
    from vmm.replayer.player import Replay

SLICE = 2_000_000
"""Instructions; boundaries like any others."""
SHORT, OFTEN = 1.0, 0.2
"""Seconds in which nobody asks, and between two lines."""


class Progress:
    """On a terminal."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._due = monotonic() + SHORT

    def tell(self, text: str) -> None:
        """Show it, if that is due."""
        if monotonic() >= self._due:
            self._due = monotonic() + OFTEN
            self._file.write(f"{CLEAR}vmm: {text}")
            self._file.flush()

    def clear(self) -> None:
        """It is over."""
        self._file.write(CLEAR)
        self._file.flush()


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[Progress | None]:
    """None: nobody sits at a terminal, or wants to be told."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    progress = Progress(sys.stderr)
    try:
        yield progress
    finally:
        progress.clear()


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
