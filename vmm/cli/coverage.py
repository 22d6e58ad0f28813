"""`vmm coverage`: which boundaries had which interrupt delivered, of files that runs, explorations and tests wrote."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.coverage.coverage import Coverage
    from vmm.coverage.image import ImageCoverage
    from vmm.coverage.summary import Function, Summary, Tally

MERGE = "merge"
STANDARD_OUTPUT = "-"
KINDS = """\
A boundary is the place before an instruction. Each that was executed is one of
  interrupted  an interrupt was delivered there
  never        none was, though at least once a maskable one could have been
  masked       maskable interrupts were off, or in a shadow, whenever it came
"""


def parser() -> Parser:
    parser = Parser(
        "vmm coverage",
        "Show which boundaries had which interrupt delivered, by function and source line, or add files up.\n"
        "vmm run, vmm explore --coverage FILE and pytest --vmm-coverage FILE write them.\n\n" + KINDS,
        [
            "vmm coverage unit.json nightly.json --html coverage.html",
            "vmm run x86/pit_ticks --coverage ticks.json && vmm coverage ticks.json",
            "vmm explore lost.S --inject irq:5 --coverage lost.json && vmm coverage lost.json",
            "vmm coverage merge unit.json nightly.json -o all.json",
            "vmm coverage all.json --json - | jq '.images[].never_interrupted'",
        ],
        answer=_of_others,
    )
    add = parser.add_argument
    add("files", metavar="[merge] FILE", nargs="+", help="what to show, or to add up; several are added up, too")
    add("-o", "--output", type=Path, metavar="FILE", help="of merge: where the sum goes")
    add("--html", type=Path, metavar="FILE", help="write a page of it, with the source, that needs no other file")
    add("--json", metavar="FILE", help="write what is shown as JSON; -: to standard output, and no table")
    add("--functions", action="store_true", help="no source lines in the table")
    return parser


def _of_others(name: str) -> str | None:
    if name in ("--merge", "-a", "--append", "--combine"):
        return "vmm coverage merge A B -o C adds files up"
    return (
        "the table is standard output, --html FILE and --json FILE write it" if name in ("--out", "--report") else None
    )


def main(options: argparse.Namespace) -> int:
    from vmm.coverage.coverage import Coverage

    merge = options.files[0] == MERGE
    paths = list(map(Path, options.files[merge:]))
    _check(options, merge, paths)
    coverage = Coverage()
    for path in paths:
        coverage.add(Coverage.load(path))
    if merge:
        with Outputs(paths).open("--output", options.output) as file:
            file.write(coverage.text())
        return 0
    _show(coverage, options, paths)
    return 0


def _check(options: argparse.Namespace, merge: bool, paths: list[Path]) -> None:
    """VmmError for what does not go together."""
    if merge and not paths:
        raise VmmError("merge: which files? vmm coverage merge A B -o C")
    if merge and options.output is None:
        raise VmmError("merge: where does the sum go? Say -o FILE")
    if merge and (options.html or options.json):
        raise VmmError("merge writes -o FILE alone; vmm coverage FILE --html PAGE shows it")
    if options.output and not merge:
        raise VmmError("-o is for merge: vmm coverage merge A B -o C; --html FILE and --json FILE write what is shown")


def _show(coverage: Coverage, options: argparse.Namespace, paths: list[Path]) -> None:
    from vmm.coverage.summary import Summary

    summaries = [Summary(image) for image in coverage.images]
    outputs = Outputs([*paths, *(path for image in coverage.images for path in _sources(image))])
    with ExitStack() as stack:
        page = stack.enter_context(outputs.open("--html", options.html)) if options.html else None
        to_file = options.json not in (None, STANDARD_OUTPUT)
        document = stack.enter_context(outputs.open("--json", options.json)) if to_file else None
        if page:
            from vmm.coverage.page import page as drawn

            page.write(drawn(summaries))
        text = json.dumps({"images": [each.plain() for each in summaries]}, indent=2) + "\n" if options.json else ""
        if document:
            document.write(text)
    if options.json == STANDARD_OUTPUT:
        sys.stdout.write(text)
    elif not page and not document:
        _print(summaries, with_lines=not options.functions)


def _sources(image: ImageCoverage) -> list[Path]:
    """What a page reads."""
    return [Path(file.path) for file in image.files.values() if file.path]


def _print(summaries: list[Summary], *, with_lines: bool) -> None:
    from vmm.columns import broken, width
    from vmm.report.table import show

    for n, summary in enumerate(summaries):
        if n:
            print()
        print(broken(summary.title(), width()))
        if not summary.image.complete:
            print("more was executed or delivered than there is room for: this is not all")
        names = ("where", "boundaries", "interrupted", "never", "masked", "delivered")
        rows = [row for function in summary.functions for row in _rows(function, summary, with_lines=with_lines)]
        if rows:
            show(names, rows, sys.stdout)
    if not summaries:
        print("nothing was executed")


def _rows(function: Function, summary: Summary, *, with_lines: bool) -> list[list[object]]:
    rows = [_row(str(function), function.tally, summary)]
    if with_lines:
        lines = sorted(function.lines.values(), key=lambda each: (each.file, each.number))
        rows += [_row(f"  {line}", line.tally, summary) for line in lines if line.file]
    return rows


def _row(name: str, tally: Tally, summary: Summary) -> list[object]:
    from vmm.coverage.summary import INTERRUPTED, MASKED, NEVER, NOT_EXECUTED, times_told

    words = times_told(tally.by, summary.image.architecture) if tally.boundaries else NOT_EXECUTED
    return [name, tally.boundaries, *(tally.kinds[kind] for kind in (INTERRUPTED, NEVER, MASKED)), words]
