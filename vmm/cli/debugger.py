"""`--gdb`, `-s` and `-S`: a run that gdb can attach to."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import TYPE_CHECKING

from vmm.errors import VmmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmm.cli.parser import Parser
    from vmm.cli.run_loop import Typed
    from vmm.cli.session import Console
    from vmm.core.stops import Stop
    from vmm.inputs.recorder import Recorder
    from vmm.machine.machine import Machine
    from vmm.replayer.player import Replay

USUAL = ":1234"
"""QEMU's -s."""
SCRIPT = "a script plays beside the guest, and nobody goes back in that: --record the run, and vmm replay FILE --gdb"


def add_options(parser: Parser) -> None:
    add = parser.add_argument
    where = "let gdb attach: at this host, if no other is said; port 0: a free one"
    add("--gdb", metavar="[HOST]:PORT", help=where)
    add("-s", dest="gdb", action="store_const", const=USUAL, help=f"as --gdb {USUAL}")
    add("-S", dest="waits", action="store_true", help="do not begin before gdb attaches and says so")


class Debugger:
    """A server, and the console of a run that is gone back in."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        from vmm.debug.console import Once
        from vmm.gdb.link import Address
        from vmm.gdb.server import Server

        self.console = Once(console)
        self._server = Server(Address(options.gdb), waits=options.waits)
        looks = {"--trace": options.trace, "--diagnose": options.diagnose}
        looks["--coverage"] = getattr(options, "coverage", None)
        said = next((name for name, value in looks.items() if value), None)
        scripted = SCRIPT if getattr(options, "scenario", None) else None
        self._why_not = f"{said} takes each event once: go back in a run without it" if said else scripted

    def live(self, machine: Machine, recorder: Recorder, typed: Typed | None) -> Callable[[], Stop]:
        """What runs the guest."""
        from vmm.debug.course import Live

        course = Live(machine, recorder, typed)
        course.why_not = self._why_not
        return lambda: self._server.run(course, self.console)

    def replayed(self, replay: Replay) -> Stop:
        """Run a recording."""
        from vmm.debug.course import Replayed

        course = Replayed(replay)
        course.why_not = self._why_not
        return self._server.run(course, self.console)

    def close(self) -> None:
        """Nobody is attached any more, nor can be."""
        self._server.close()


def debugger(options: argparse.Namespace, console: Console, files: ExitStack) -> Debugger | None:
    """That listens until `files` ends, where somebody asks for one; VmmError where it cannot."""
    if options.gdb is None:
        if options.waits:
            raise VmmError("-S waits for gdb: say where with --gdb [HOST]:PORT, or -s")
        return None
    made = Debugger(options, console)
    files.callback(made.close)
    return made
