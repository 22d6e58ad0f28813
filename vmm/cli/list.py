"""`vmm list`: the bundled guests, and the cases of the casebook."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from vmm.arch import ARCHITECTURES
from vmm.casebook.case import Case, built_for, cases
from vmm.catalog import Guest, guests
from vmm.cli import habits
from vmm.cli.parser import Parser
from vmm.errors import VmmError

COLUMNS = ("name", "board", "vCPUs", "exit status", "what it shows")
BROKEN_STATUS = 1
"""Of a case's broken variant."""
CASE_COLUMNS = ("case", "for", "what goes wrong")


def parser() -> Parser:
    parser = Parser(
        "vmm list",
        "List the bundled guests by architecture, and the exit status each has when all is well; then the cases of the "
        "casebook, which end with 1 in their broken variant and with 0 in their fixed one.",
        ["vmm list", "vmm list arm64", "vmm list x86 nmi", "vmm list cases", "vmm list --json"],
        answer=habits.listing,
    )
    words = "those of this architecture, or with this word in their line; with several, with all of them"
    parser.add_argument("words", metavar="ARCH|WORD", nargs="*", help=words)
    told = "as JSON: name, arch, board, summary, success, cpu, smp; a case once an architecture, in its broken variant"
    parser.add_argument("--json", action="store_true", help=told)
    return parser


def main(options: argparse.Namespace) -> int:
    found = [guest for guest in guests() if all(_has(guest, word) for word in options.words)]
    known = [case for case in cases().values() if all(_tells(case, word) for word in options.words)]
    if options.words and not found and not known:
        raise VmmError(f"no bundled guest has {' and '.join(map(repr, options.words))} in its line; vmm list shows all")
    if options.json:
        print(
            json.dumps(
                [*map(asdict, found), *(each for case in known for each in _facts(case, options.words))], indent=2
            )
        )
        return 0
    from vmm.report import table

    if found:
        rows = ((guest.name, guest.board, guest.smp, guest.success, guest.summary) for guest in found)
        table.show(COLUMNS, rows, sys.stdout)
    if found and known:
        print()
    if known:
        table.show(CASE_COLUMNS, ((case.name, " ".join(case.machines), case.summary) for case in known), sys.stdout)
    return 0


def _facts(case: Case, words: Sequence[str]) -> Iterator[dict[str, object]]:
    asked = {word.lower() for word in words} & set(ARCHITECTURES)
    for arch, machine in case.machines.items():
        if asked - {built_for(arch)}:
            continue
        guest = Guest(
            f"{case.name}/{arch}", built_for(arch), machine["board"], case.summary, BROKEN_STATUS,
            machine.get("cpu", "default"), machine.get("smp", 1),
        )  # fmt: skip
        yield asdict(guest)


def _tells(case: Case, word: str) -> bool:
    if word.lower() in ARCHITECTURES:
        return word.lower() in case.machines
    return any(word.lower() in text.lower() for text in (case.name, case.title, case.summary))


def _has(guest: Guest, word: str) -> bool:
    """An architecture's name is part of another's, so it means its own guests."""
    if word.lower() in ARCHITECTURES:
        return guest.arch == word.lower()
    return any(word.lower() in text.lower() for text in (guest.name, guest.board, guest.cpu, guest.summary))
