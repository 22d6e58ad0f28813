"""`vmm report`: a recorded run as one page of HTML."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.cli import DIFFERS, session
from vmm.cli.parser import Parser
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.inputs.tape import Tape
    from vmm.placements.report import Report
    from vmm.replayer.player import Replay
    from vmm.report.page.told import Told

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
    from vmm.replayer.player import Replay

    written = session.Tail()
    replay = Replay(options.file, options.image, written)
    source = replay.machine.source
    outputs = Outputs([options.file, *(source.files if source else ())])
    path = options.output or options.file.with_suffix(SUFFIX)
    with outputs.open("--output", path) as file:
        text, different = page_of(replay, written)
        file.write(text)
    if different:
        print(f"vmm: {different}", file=sys.stderr)
        return DIFFERS
    return 0


def counterexample(report: Report, recording: Path) -> str:
    """The page of an exploration's least failing run, with its story."""
    from vmm.replayer.player import Replay
    from vmm.report.page.told import STORY, Told

    written = session.Tail()
    told = [Told(each.insns, STORY, each.words, each.where, each.vcpu, each.began) for each in report.moments]
    return page_of(Replay(recording, None, written), written, told)[0]


def page_of(replay: Replay, written: session.Tail, told: Iterable[Told] = ()) -> tuple[str, str | None]:
    """The page of a recorded run, which is run to its end for it, and what differs there from the recorded one; `told`
    is what it shows besides.
    """
    from vmm.replayer.player import Diverged
    from vmm.report.page.report import RunPage

    different = None
    with RunPage(replay.machine) as page:
        try:
            replay.run()
        except Diverged as error:
            different = str(error)
        text = page.html(console=bytes(written), told=[*told, *_outside(replay.tape)])
    return text, different or replay.different


def _outside(tape: Tape) -> Iterator[Told]:
    """What was done to the machine, where."""
    from vmm.replayer.player import words
    from vmm.report.page.told import OUTSIDE, Told

    for entry in tape.entries:
        if entry.decision.kind not in UNFELT:
            yield Told(entry.at.insns, OUTSIDE, words(entry.decision))
