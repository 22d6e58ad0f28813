"""`vmm report`: a recorded run as one page of HTML."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vmm.cli import DIFFERS, progress, session
from vmm.cli.parser import Parser
from vmm.errors import printable
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
    add("--quiet", action="store_true", help="say neither how far it is nor which page was written")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.replayer.player import Replay

    written = session.Tail()
    replay = Replay(options.file, options.image, written)
    outputs = Outputs([options.file, *session.loaded(replay.machine)])
    path = options.output or options.file.with_suffix(SUFFIX)
    with outputs.open("--output", path) as file:
        page = page_of(replay, written, quiet=options.quiet)
        file.write(page.text)
    if page.ended:
        print(f"vmm: {page.ended[1]}: {path} has the run until then", file=sys.stderr)
        return page.ended[0]
    if not (options.quiet or _is_standard_output(path)):
        print(path)
    if page.different:
        print(f"vmm: {printable(page.different)}", file=sys.stderr)
        return DIFFERS
    return 0


def _is_standard_output(path: Path) -> bool:
    """What is said there would be in the page."""
    return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))


def counterexample(report: Report, recording: Path) -> str:
    """The page of an exploration's least failing run, with its story."""
    from vmm.replayer.player import Replay
    from vmm.report.page.told import STORY, Told

    written = session.Tail()
    told = [Told(each.insns, STORY, each.words, each.where, each.vcpu, each.began) for each in report.moments]
    return page_of(Replay(recording, None, written), written, told, quiet=True).text


class Page(NamedTuple):
    """Of a recorded run."""

    text: str
    different: str | None
    """What differs from the recorded run."""
    ended: tuple[int, str] | None = None
    """The exit status, and what ended it before its end."""


def page_of(replay: Replay, written: session.Tail, told: Iterable[Told] = (), *, quiet: bool = False) -> Page:
    """A recorded run is run to its end for it; `told` is what the page shows besides."""
    from vmm.replayer.player import Diverged
    from vmm.report.page.report import RunPage

    different = ended = None
    with RunPage(replay.machine) as page:
        try:
            progress.to_end(replay, quiet=quiet)
        except Diverged as error:
            different = str(error)
        except KeyboardInterrupt as error:
            ended = session.cut_short(error)
        text = page.html(console=bytes(written), told=[*told, *_outside(replay.tape)])
    return Page(text, different or replay.different, ended)


def _outside(tape: Tape) -> Iterator[Told]:
    """What was done to the machine, where."""
    from vmm.replayer.player import words
    from vmm.report.page.told import OUTSIDE, Told

    for entry in tape.entries:
        if entry.decision.kind not in UNFELT:
            yield Told(entry.at.insns, OUTSIDE, words(entry.decision))
