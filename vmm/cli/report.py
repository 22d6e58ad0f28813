"""`vmm report`: a recorded run as one page of HTML."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.cli import DIFFERS, session
from vmm.cli.parser import Parser
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.inputs.tape import Tape
    from vmm.report.page.data import Placed

SUFFIX = ".html"
UNFELT = ("limit",)
"""Decisions that no guest notices."""


def parser() -> Parser:
    parser = Parser(
        "vmm report",
        "Run a recording once more and write a page of it that needs no other file: lanes of time for each vCPU, line "
        "and controller, every interrupt from its line to its return, its latency, frame and code, verdicts of all "
        "diagnoses. Of a guest: vmm run IMAGE --report FILE. Exit status: 1 where the run is not the recorded one.",
        ["vmm report late_edge.vmmrec", "vmm report late_edge.vmmrec -o edge.html"],
    )
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help="a recording: vmm run --record FILE")
    add("-o", "--output", type=Path, metavar="FILE", help="the page (FILE.html)")
    add("--image", metavar="PATH", help="take this image for the recorded one, whatever its checksum")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.replayer.player import Diverged, Replay
    from vmm.report.page.report import RunPage

    written, different = session.Tail(), None
    replay = Replay(options.file, options.image, written)
    machine = replay.machine
    outputs = Outputs([options.file, *(machine.source.files if machine.source else ())])
    path = options.output or options.file.with_suffix(SUFFIX)
    with outputs.open("--output", path) as file, RunPage(machine) as page:
        try:
            replay.run()
        except Diverged as error:
            different = str(error)
        file.write(page.html(console=bytes(written), outside=list(outside(replay.tape))))
    if different := different or replay.different:
        print(f"vmm: {different}", file=sys.stderr)
        return DIFFERS
    return 0


def outside(tape: Tape) -> Iterator[Placed]:
    """What was done to the machine, where."""
    from vmm.replayer.player import words
    from vmm.report.page.data import Placed

    for entry in tape.entries:
        if entry.decision.kind not in UNFELT:
            yield Placed(entry.at.insns, words(entry.decision))
