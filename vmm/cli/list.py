"""`vmm list`: the bundled guests."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from vmm.catalog import guests
from vmm.cli.parser import Parser

COLUMNS = ("name", "board", "vCPUs", "exit status", "what it shows")


def parser() -> Parser:
    parser = Parser(
        "vmm list",
        "List the bundled guests by architecture, and the exit status each has when all is well.",
        ["vmm list", "vmm list --json"],
    )
    parser.add_argument("--json", action="store_true", help="as JSON: name, arch, board, summary, success, cpu, smp")
    return parser


def main(options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps([asdict(guest) for guest in guests()], indent=2))
        return 0
    from vmm.report import table

    rows = ((guest.name, guest.board, guest.smp, guest.success, guest.summary) for guest in guests())
    table.show(COLUMNS, rows, sys.stdout)
    return 0
