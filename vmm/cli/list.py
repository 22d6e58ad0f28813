"""`vmm list`: the bundled guests."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from vmm.arch import ARCHITECTURES
from vmm.catalog import Guest, guests
from vmm.cli import habits
from vmm.cli.parser import Parser
from vmm.errors import VmmError

COLUMNS = ("name", "board", "vCPUs", "exit status", "what it shows")


def parser() -> Parser:
    parser = Parser(
        "vmm list",
        "List the bundled guests by architecture, and the exit status each has when all is well.",
        ["vmm list", "vmm list arm64", "vmm list x86 nmi", "vmm list --json"],
        answer=habits.listing,
    )
    words = "those of this architecture, or with this word in their line; with several, with all of them"
    parser.add_argument("words", metavar="ARCH|WORD", nargs="*", help=words)
    parser.add_argument("--json", action="store_true", help="as JSON: name, arch, board, summary, success, cpu, smp")
    return parser


def main(options: argparse.Namespace) -> int:
    found = [guest for guest in guests() if all(_has(guest, word) for word in options.words)]
    if options.words and not found:
        raise VmmError(f"no bundled guest has {' and '.join(map(repr, options.words))} in its line; vmm list shows all")
    if options.json:
        print(json.dumps([asdict(guest) for guest in found], indent=2))
        return 0
    from vmm.report import table

    rows = ((guest.name, guest.board, guest.smp, guest.success, guest.summary) for guest in found)
    table.show(COLUMNS, rows, sys.stdout)
    return 0


def _has(guest: Guest, word: str) -> bool:
    """An architecture's name is part of another's, so it means its own guests."""
    if word.lower() in ARCHITECTURES:
        return guest.arch == word.lower()
    return any(word.lower() in text.lower() for text in (guest.name, guest.board, guest.cpu, guest.summary))
