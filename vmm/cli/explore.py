"""`vmm explore`: an interrupt at every boundary of a window, and a verdict."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vmm import quantities
from vmm.cli import checks, interrupts, progress, run, session
from vmm.cli import report as pages
from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.output import OutputFile, Outputs
from vmm.scratch import scratch
from vmm.sources import SOURCES

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from vmm.loaders.symbols import Symbols
    from vmm.machine.machine import Machine
    from vmm.machine.options import Options
    from vmm.placements.exploration import Exploration
    from vmm.placements.report import Report
    from vmm.placements.subject import Subject

USUAL = ("begin", "end")
"""The symbols of a window where nobody says which."""
STANDARD_OUTPUT = "-"
LISTED = 8
"""Symbols that a message names."""
BUDGET = "--seconds S is the exploration's budget, --max-insns N what a single run may take"
EXIT_STATUS = """\
exit status:
  0    proven within these bounds
  1    counterexample
  2    bad usage, or nothing could be delivered
  124  a budget is spent
  129, 130, 143  SIGHUP, Ctrl-C, SIGTERM: what was found by then is told"""
_PLACE = re.compile(r"[^:]+(?::\d+)?(?:\s*[+-]\s*\w+)?")
"""A location, as far as its colons go: of file.c:94 one is part."""


def parser() -> Parser:
    parser = Parser(
        "vmm explore",
        "Run IMAGE with an interrupt, a preemption or another value at every instruction boundary of a window, and\n"
        "look whether all goes well.\n"
        "vmm help exploring has an example from a bug to its fix.\n\n" + EXIT_STATUS,
        [
            "vmm explore lost.S --inject irq:4 --between begin..end --check 'n == 2'",
            "vmm explore lost.S --inject irq:4 --between begin..end --record lost.vmmrec",
            "vmm explore driver.elf --inject spi:5 --inject nmi --between driver.c:94..driver.c:101 --depth 2",
            "vmm explore kernel.elf --inject irq:1 --between loop..loop+0x40 --hit 100 --until idle",
            "vmm explore mutex.elf --smp 2 --inject turn --between lock..unlock --until done --depth 2",
            "vmm explore kernel.elf --inject irq:0 --between begin..end --check invariants.py:queue_is_whole",
            "vmm explore tests.elf --inject irq:0 --between begin..end --check 'never panic and says \"PASS\"'",
            "vmm explore isr.elf --inject irq:0 --between begin..end --depth 2 --deadline 80us --stack 512",
            "vmm explore big.elf --inject irq:0 --between main..done --seconds 60 --json report.json",
            "vmm explore big.elf --inject irq:0 --inject nmi --between main..done --depth 3 --sample 100000 --seed 7",
            "vmm explore big.elf --inject irq:0 --between main..done --jobs 8 --campaign big.campaign",
            "vmm explore big.elf --inject irq:0 --between main..done --scheduler tcp://cluster:8786",
            "vmm explore isr.S --inject irq:4 --between begin..end --diagnose all",
            "vmm explore lost.S --inject irq:4 --coverage lost.json && vmm coverage lost.json",
        ],
        answer=_of_others,
    )
    run.add_machine(parser)
    add = parser.add_argument
    source = "what may happen: irq:4, nmi, vector:0x40, ipi:0x40, spi:5, ppi:27, sgi:3, spurious, timer, timer-late, "
    source += "turn, read:x=0,7; repeatable"
    add("--inject", action="append", default=[], metavar="SOURCE", help=source)
    window = "the window: two locations, symbol, symbol+0x10, file.c:94, address or insn:N, where so many instructions "
    window += "have begun (begin..end, if it has such symbols)"
    add("--between", type=_window, metavar="A..B", help=window)
    hit = "the window begins when A is reached for the Nth time (%(default)s)"
    add("--hit", "--from-hit", type=quantities.positive, default=1, metavar="N", help=hit)
    add("--until", metavar="WHERE", help="where runs end, behind the window (where the guest ends)")
    check = "what must hold there: 'n == 2 and u8 state < 3', '$eax == 0', 'never panic', 'says \"PASS\"', "
    check += "FILE.py:FUNCTION of the machine, or atomic; repeatable"
    add("--check", action="append", default=[], metavar="CHECK", help=check)
    depth = "so many of these in one run, at most (%(default)s)"
    add("--depth", type=quantities.positive, default=1, metavar="D", help=depth)
    reads = "reads of one run that find a value of read:x=…, beside those, at most (%(default)s)"
    add("--reads", type=quantities.count, default=1, metavar="K", help=reads)
    sample = "try only so many placements of D of these, drawn at random by --seed"
    add("--sample", type=quantities.count, metavar="N", help=sample)
    insns = "instructions a run may take from A on (ten times the undisturbed run's, and 200,000)"
    add("--max-insns", type=quantities.count, metavar="N", help=insns)
    deadline = "a run that comes to its end later than that behind A fails: 80us of virtual time, 5000insns"
    add("--deadline", metavar="D", help=deadline)
    stack = "a run in which the stack grows by more than so many bytes from A on fails: 512, 4K"
    add("--stack", type=quantities.size, metavar="BYTES", help=stack)
    diagnose = "a run fails in which one of these is certain, as vmm diagnose --list has them; repeatable"
    add("--diagnose", action="append", default=[], metavar="NAME[=BUDGET],…", help=diagnose)
    add("--runs", type=quantities.count, metavar="N", help="stop after so many runs: 1e6, 1M")
    add("--seconds", type=_seconds, metavar="S", help="stop after so many seconds")
    add("--no-reduction", action="store_true", help="make every run whole, even where it is known how it goes on")
    add("--record", type=Path, metavar="FILE", help="write a recording of the least failing run, for vmm replay")
    add("--report", type=Path, metavar="FILE", help="write a page of the least failing run, with its story on it")
    campaign = "keep what was tried in this file, and go on from there if it is there; budgets begin anew"
    add("--campaign", type=Path, metavar="FILE", help=campaign)
    add("--jobs", type=quantities.positive, metavar="N", help="processes that try it at once (1)")
    add("--scheduler", metavar="ADDRESS", help="try it on the workers of this Dask cluster: tcp://host:8786")
    run.add_coverage(parser)
    document = "write the report as JSON; -: to standard output, and the text to standard error"
    add("--json", metavar="FILE", help=document)
    add("--quiet", action="store_true", help="no text, only the exit status")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.coverage.coverage import Coverage
    from vmm.placements.bounds import Bounds
    from vmm.placements.deadline import deadline
    from vmm.placements.diagnosing import Wanted
    from vmm.placements.exploration import Exploration
    from vmm.placements.sources import source
    from vmm.placements.subject import Subject, Window

    chosen, files = checks.loaded(options.check)
    subject = Subject(options.image, _machine(options), Window("", ""), None, options.initrd, options.load_address)
    subject.diagnoses = Wanted.of([word for words in options.diagnose for word in words.split(",")])
    run.check_fits(subject.path, options, _board(options, subject.path))
    machine = subject.boot()
    begin, end = options.between or _usual(machine, options.image)
    subject.window = Window(begin, end, options.until, options.hit)
    if not options.inject:
        raise _nothing_to_inject(subject, machine)
    bounds = Bounds(
        options.depth, options.max_insns, options.runs, options.seconds, not options.no_reduction, options.reads,
        deadline(options.deadline) if options.deadline else None, options.stack, options.sample,
    )  # fmt: skip
    coverage = Coverage() if options.coverage else None
    sources = [source(each) for each in options.inject]
    outputs = Outputs([*session.loaded(machine), *files])
    with ExitStack() as stack:
        document = None
        if options.json not in (None, STANDARD_OUTPUT):
            document = stack.enter_context(outputs.open("--json", options.json))
        page = stack.enter_context(outputs.open("--report", options.report)) if options.report else None
        record = options.record or (stack.enter_context(scratch()) / "least.vmmrec" if page else None)
        covered = stack.enter_context(outputs.open("--coverage", options.coverage)) if options.coverage else None
        for option, path in (("--record", options.record), ("--campaign", options.campaign)):
            if path:
                with outputs.open(option, path):
                    pass  # it is written when it is known what goes there
        jobs, executor = _workers(options, stack)
        exploration = Exploration(subject, sources, chosen, bounds, options.campaign, coverage, jobs, executor)
        report, broken_off = _explored(exploration, record, options)
        if page and report.recording:
            page.write(pages.counterexample(report, Path(report.recording)))
        asked = (("--record", options.record), ("--report", options.report))
        unwritten = [f"{option} {path}" for option, path in asked if path and not report.recording]
        if not options.record:
            report.recording = None
        if coverage and covered:
            covered.write(coverage.text())
        _write(report, options, document, unwritten)
    if broken_off:
        return interrupts.status(broken_off)
    if report.masked and report.verdict == "nothing delivered":
        raise VmmError(next(report.lines()))
    return report.exit_status


def _workers(options: argparse.Namespace, stack: ExitStack) -> tuple[int | None, Executor | None]:
    """How many, and whose."""
    if options.scheduler is None:
        return options.jobs, None
    if options.jobs is not None:
        raise VmmError("--jobs: with --scheduler the cluster says how many workers there are")
    from vmm.cli.cluster import connected

    return stack.enter_context(connected(options.scheduler))


def _explored(
    exploration: Exploration, record: Path | None, options: argparse.Namespace
) -> tuple[Report, KeyboardInterrupt | None]:
    """What was found, and what broke it off."""
    line = progress.Line(sys.stderr) if sys.stderr.isatty() and not options.quiet else None
    try:
        return exploration.run(record, (lambda report: line.show(_so_far(report))) if line else None), None
    except KeyboardInterrupt as error:
        if exploration.report is None:
            raise
        return exploration.report, error
    finally:
        if line:
            line.clear()


def _write(report: Report, options: argparse.Namespace, document: OutputFile | None, unwritten: Sequence[str]) -> None:
    text = json.dumps(report.plain(), indent=2) + "\n"
    if document:
        document.write(text)
    shown = sys.stdout
    if options.json == STANDARD_OUTPUT:
        sys.stdout.write(text)
        shown = sys.stderr
    if not options.quiet and report.verdict != "nothing delivered":
        print(report, file=shown)
        for each in unwritten:
            print(f"{each}: not written, for no run fails", file=shown)


def _so_far(report: Report) -> str:
    """How far it is."""
    rate = report.placements / (report.seconds or 1)
    failing = f"{report.failing:,} fail, " if report.failing else ""
    workers = f", {report.workers} workers" if report.workers > 1 else ""
    return (
        f"{100 * report.progress:.0f} %, {failing}{_tried(report)}, "
        f"{rate:,.0f} placements a second{_left(report)}{workers}"
    )


def _tried(report: Report) -> str:
    if report.sample:
        return f"{report.placements:,} of {report.sample.count:,} placements"
    return f"{report.boundaries:,} of about {report.expected:,} boundaries"


def _left(report: Report) -> str:
    """How long it will take, as far as what was tried tells."""
    if not report.progress or report.over:
        return ""
    seconds = report.seconds * (1 / report.progress - 1)
    return f", about {seconds:.0f} s left" if seconds < 600 else f", about {seconds / 60:.0f} min left"


# ---- what the options say ----


def _of_others(name: str) -> str | None:
    return BUDGET if name in ("--max-time", "--timeout") else run.of_others(name)


def _machine(options: argparse.Namespace) -> Options:
    said: Options = {"memory": options.memory, "cmdline": options.append, "seed": options.seed}
    for name in ("board", "cpu", "smp"):
        if getattr(options, name) is not None:
            said[name] = getattr(options, name)
    return said


def _board(options: argparse.Namespace, image: Path) -> str:
    from vmm.catalog import wants

    return str(options.board or wants(image).board)


def _window(text: str) -> tuple[str, str]:
    """Two locations with `..` between them; a colon, too, where it can be but one of them that separates."""
    first, dots, last = text.partition("..")
    if dots and first and last:
        return first, last
    colons = [at for at, letter in enumerate(text) if letter == ":"]
    pairs = [(text[:at], text[at + 1 :]) for at in colons]
    pairs = [pair for pair in pairs if all(map(_PLACE.fullmatch, pair))]
    if len(pairs) == 1:
        return pairs[0]
    why = "more than one of its colons can separate" if pairs else "a window is from one location to another"
    raise argparse.ArgumentTypeError(f"{text!r}: {why}; write A..B: begin..end, driver.c:94..driver.c:101")


def _own(symbols: Symbols, image: str) -> list[str]:
    """Those that the source speaks of that IMAGE is, and none of what it includes; of another image all."""
    names = symbols.names()
    if Path(image).suffix not in SOURCES:
        return names
    words = set(re.findall(r"\w+", Path(image).read_text(encoding="utf-8", errors="replace")))
    return [name for name in names if name in words] or names


def _usual(machine: Machine, image: str) -> tuple[str, str]:
    symbols = machine.loaded.symbols if machine.loaded else None
    if symbols and all(map(symbols.has, USUAL)):
        return USUAL
    names = _own(symbols, image) if symbols else []
    known = f"; its symbols are {', '.join(names[:LISTED])}{'…' if len(names) > LISTED else ''}" if names else ""
    raise VmmError(f"where may they come? Say --between A..B, two locations of {image}{known}")


def _nothing_to_inject(subject: Subject, machine: Machine) -> VmmError:
    from vmm.placements.unmasked import unmasked

    subject.enter(machine)
    found = unmasked(machine)
    there = f"at {subject.window.begin} its controllers let through {', '.join(found)}" if found else ""
    return VmmError(f"what may come? Say --inject SOURCE, {there or 'such as irq:4, nmi or vector:0x40'}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
