"""`-d ITEM,…` and `-D FILE`: QEMU's log, of what is delivered and what is executed."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.cli import interrupts
from vmm.columns import broken, width
from vmm.errors import VmmError
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.cli.parser import Parser
    from vmm.cli.run_loop import Typed
    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine
    from vmm.replayer.player import Replay
    from vmm.report.executed import Executed

INT = "int"
EXECUTED = {
    "exec": "a line for each instruction: vCPU, instructions begun before it, linear address, symbol, source line",
    "cpu": "the registers before each instruction",
    "in_asm": "each instruction when it comes for the first time, disassembled; again where it was written over",
}
ALL = {INT: "a line for every interrupt, exception and guest error", **EXECUTED}
EVERY = 1000
"""Boundaries between two such looks."""


class Items(argparse.Action):
    """A list with commas; "help" shows what there is."""

    def __call__(self, parser: argparse.ArgumentParser, options: argparse.Namespace, text: Any, *_: object) -> None:
        if text in ("help", "?"):
            print("items of -d, several with commas:")
            print(*(broken(does, width(), head=f"  {name:8}", indent=10) for name, does in ALL.items()), sep="\n")
            parser.exit()
        from vmm.cli import qemu_words

        setattr(options, self.dest, [*getattr(options, self.dest), *qemu_words.logged(text)])


def add_options(parser: Parser) -> None:
    add = parser.add_argument
    items = f"log {', '.join(ALL)}, several with commas; help: what each is"
    add("-d", dest="log", action=Items, default=[], metavar="ITEM,…", help=items)
    add("-D", dest="logfile", type=Path, metavar="FILE", help="where -d writes, if not to standard error")


def observe(machine: Machine, options: argparse.Namespace, outputs: Outputs, files: ExitStack) -> Executed | None:
    """Write what is delivered until `files` ends; what is given back writes what is executed, if that is wanted."""
    if options.logfile and not options.log:
        raise VmmError("-D: it is the file of -d: -d int -D FILE")
    if not options.log:
        return None
    file: Any = sys.stderr
    if options.logfile:
        file = files.enter_context(outputs.open("-D", options.logfile, stream=True))
    executed = None
    if items := EXECUTED.keys() & options.log:
        from vmm.report.executed import Executed

        executed = Executed(machine, items, file)
        files.callback(executed.settle)
    if INT in options.log:
        from vmm.trace.export import exported

        files.enter_context(exported(INT, executed or file, machine))
    return executed


def go(machine: Machine, typed: Typed | None, executed: Executed) -> Stop:
    """Run to a stop, from boundary to boundary."""
    while True:
        interrupts.check()
        if typed:
            typed.send(machine)
        stop = _on(machine, executed)
        more = stop.reason == "breakpoint" or (stop.reason == "idle" and typed and typed.wait())
        if not more:
            return stop


def replayed(replay: Replay, executed: Executed, insn: int | None) -> Stop:
    """Run a recording to its end, or to before an instruction."""
    while True:
        stop = _on(replay, executed, replay.machine, insn)
        if stop.reason != "breakpoint" or replay.finished or replay.machine.instructions == insn:
            return stop


def _on(runs: Machine | Replay, executed: Executed, machine: Machine | None = None, insn: int | None = None) -> Stop:
    """Some boundaries, or to a stop."""
    from vmm.scenario.triggers import NextBoundary

    for _ in range(EVERY):
        executed.boundary()
        stop = runs.run(until=NextBoundary())
        if stop.reason != "breakpoint" or (machine and machine.instructions == insn):
            break
    return stop
