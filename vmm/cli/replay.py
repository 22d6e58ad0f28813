"""`vmm replay`: a recorded run once more, and the proof that it is the same."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vmm import quantities
from vmm.cli import BROKEN_PIPE, DIFFERS, debugger, interrupts, logged, session
from vmm.cli.parser import Parser
from vmm.errors import VmmError, printable
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.core.stops import Stop
    from vmm.replayer.player import Replay
    from vmm.report.executed import Executed


def parser() -> Parser:
    parser = Parser(
        "vmm replay",
        "Run a recording once more, bit for bit, and compare the trace's hash and what the guest writes. Exit status: "
        "that of the recorded run; 1 when this one differs; 2 when the recording, its image or this vmm is not as it "
        "should be; 0 where it stops on the way.",
        [
            "vmm replay late_edge.vmmrec",
            "vmm replay late_edge.vmmrec --stop-at handler",
            "vmm replay late_edge.vmmrec --until-insn 713 -d int",
            "vmm replay late_edge.vmmrec --image fixed.elf",
            "vmm replay late_edge.vmmrec --gdb :1234 -S",
        ],
    )
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help="a recording: vmm run --record FILE")
    until = parser.add_mutually_exclusive_group().add_argument
    until("--until-insn", type=quantities.unsigned64, metavar="N", help="stop before instruction N, counted from 0")
    until("--until-event", type=quantities.positive, metavar="N", help="stop behind event N, as the hash counts them")
    until("--stop-at", metavar="WHERE", help="stop when this symbol, symbol+0x10, file.c:94 or address is reached")
    add("--image", metavar="PATH", help="take this image for the recorded one, whatever its checksum")
    debugger.add_options(parser)
    session.add_options(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    with ExitStack() as opened:
        return _main(options, opened)


def _main(options: argparse.Namespace, opened: ExitStack) -> int:
    from vmm.replayer.player import Diverged, Replay
    from vmm.report.summary import Summary

    console = session.Console(sys.stdout.buffer)
    gdb = debugger.debugger(options, console, opened)
    replay = Replay(options.file, options.image, gdb.console if gdb else console)
    machine = replay.machine
    outputs = Outputs([options.file, *session.loaded(machine)])
    early = different = why = None
    with ExitStack() as files:
        summary_file = session.summary_file(options, outputs, files)
        executed = session.observe(machine, options, outputs, files)
        if executed and (gdb or options.stop_at or options.until_event):
            raise VmmError("-d: of what is executed a recording tells whole, or with --until-insn")
        diagnoses = session.diagnosed(machine, options, files)
        plotted = session.plotted(machine, options, outputs, files)
        reported = session.reported(machine, options, outputs, files, console)
        outputs.begin()
        started = time.perf_counter()
        try:
            interrupts.check()
            stop = gdb.replayed(replay) if gdb else _run(replay, options, console, executed)
        except Diverged as error:
            why, different = "no longer the recorded run", str(error)
        except session.CUT_SHORT as error:
            early, why = session.cut_short(error)
        else:
            why = replay.tape.end.why if replay.finished else None  # what ended the recorded run ends this one
        if why:
            stop = session.cut(machine, why)
        machine.trace.drain()
        summary = Summary.of(machine, stop, time.perf_counter() - started, cut=bool(why), diagnoses=diagnoses)
        console.finish()
        if summary_file:
            summary_file.write(summary.json())
        if plotted:
            plotted()
        if reported:
            reported()
    if options.quiet:
        session.tell_not_applied(summary)
    if not options.quiet and early != BROKEN_PIPE:
        from vmm.report import crash, end

        end.show(machine, summary, sys.stderr)
        if not replay.finished and not crash.is_crash(stop):
            crash.show(machine, sys.stderr)
    if early is not None:
        return early
    status = _verdict(replay, stop, different)
    return session.CERTAIN if summary.certain else status


def _run(replay: Replay, options: argparse.Namespace, console: session.Console, executed: Executed | None) -> Stop:
    """Who waits for the end of a long one is told how far it is."""
    from vmm.cli import run_loop

    if executed:
        return logged.replayed(replay, executed, options.until_insn)
    progress, until = run_loop.progress(console, options), options.until_insn
    if progress is None or options.stop_at or options.until_event:
        return replay.run(options.stop_at, insn=options.until_insn, event=options.until_event)
    while True:
        progress.tell(replay.machine)
        insn = replay.machine.instructions + run_loop.SLICE
        stop = replay.run(insn=insn if until is None else min(insn, until))
        if replay.finished or replay.machine.instructions == until:
            return stop


def _verdict(replay: Replay, stop: Stop, different: str | None) -> int:
    recorded = replay.tape.end
    different = different or replay.different
    if different:
        print(f"vmm: {printable(different)}", file=sys.stderr)
        return DIFFERS
    if not replay.finished:
        return 0
    if replay.verified is None:
        print(f"vmm: {replay.path}: was cut off within an instruction: there is no hash to compare", file=sys.stderr)
    return stop.exit_status if recorded.status is None else recorded.status
