"""`vmm run cases/NAME`: a case's run with its scenario and all diagnoses, its exploration, and the verdict."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from vmm.casebook.case import VARIANTS, Asked
from vmm.cli.outcome import Outcome


def play(options: argparse.Namespace, asked: Asked, run: Callable[[argparse.Namespace], Outcome]) -> int:
    """0: nothing is wrong with this variant, 1: something is; else that of a run which was over too soon to tell. `run`
    plays any image.
    """
    case = asked.case
    options.image = asked.name
    options.scenario = options.scenario or case.scenario
    options.diagnose = options.diagnose or case.looked_for
    if not options.quiet:
        print(f"{asked.name}: {case.title}", file=sys.stderr)
    outcome = run(options)
    if not outcome.whole or (outcome.stop.reason == "limit" and not outcome.certain):
        return outcome.status
    wrong = outcome.status != 0
    if case.explore and not wrong:
        wrong = not _explored(options, asked)
    if not options.quiet:
        _tell(asked, wrong)
    return int(wrong)


def _explored(options: argparse.Namespace, asked: Asked) -> bool:
    """Every placement of what may come does no harm."""
    from vmm.placements.exploration import explore

    case = asked.case
    inject = case.machines[asked.arch]["inject"]
    report = explore(asked.name, inject=inject, memory=options.memory, **case.explore)
    if not options.quiet:
        print(report, file=sys.stderr)
    return bool(report)


def _tell(asked: Asked, wrong: bool) -> None:
    other = next(each for each in VARIANTS if each != asked.variant)
    found = "something is wrong" if wrong else "nothing is wrong"
    print(f"verdict: {found}", file=sys.stderr)
    name = f"{asked.case.name}/{asked.arch}"
    print(f"vmm case {name} shows the story; vmm run {name} --variant {other} is the other one", file=sys.stderr)
