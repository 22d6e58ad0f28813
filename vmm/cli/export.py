"""`vmm export`: a recording once more, and its events in a file of any format."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from vmm.cli import DIFFERS, progress, session
from vmm.cli.parser import Parser
from vmm.errors import printable
from vmm.output import Outputs
from vmm.trace.export import FORMATS, exported, exporter, format_of


def parser() -> Parser:
    endings = [f"{name} ({', '.join(each.SUFFIXES)})" for name, each in FORMATS.items()]
    parser = Parser(
        "vmm export",
        "Run a recording once more and write its events to a file, in the format that its name says or --format.\n"
        f"Formats: {', '.join(endings)}.\n"
        "Exit status: 1 when the run differs from the recorded one; 2 when the recording, its image or this vmm is not "
        "as it should be.",
        [
            "vmm export late_edge.vmmrec --to late_edge.pftrace",
            "vmm export late_edge.vmmrec --to late_edge.vcd",
            "vmm export late_edge.vmmrec --to events --format jsonl",
        ],
    )
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help="a recording: vmm run --record FILE")
    add("--to", type=Path, required=True, metavar="FILE", help="where the events go")
    add("--format", metavar="NAME", help=f"{', '.join(FORMATS)}, whatever the file is called")
    add("--image", metavar="PATH", help="take this image for the recorded one, whatever its checksum")
    add("--quiet", action="store_true", help="do not say how far it is")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.replayer.player import Diverged, Replay

    format = options.format or format_of(options.to)
    kind = exporter(format)
    replay = Replay(options.file, options.image, lambda data: None)
    machine = replay.machine
    outputs = Outputs([options.file, *session.loaded(machine)])
    with ExitStack() as files:
        file = files.enter_context(outputs.open("--to", options.to, stream=kind.STREAM))
        files.enter_context(exported(format, file, machine))
        try:
            progress.to_end(replay, quiet=options.quiet)
            different = replay.different
        except Diverged as error:
            different = str(error)
        except KeyboardInterrupt as error:
            status, why = session.cut_short(error)
            print(
                f"vmm: {why} at {machine.where(machine.cpu.pc)}: {options.to} has the events until then",
                file=sys.stderr,
            )
            return status
    if different:
        print(f"vmm: {printable(different)}", file=sys.stderr)
        return DIFFERS
    return 0
