"""`vmm diagnose`: a recording looked at for what went wrong with interrupts, and what is looked for."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from vmm.cli import progress, session
from vmm.cli.parser import Parser
from vmm.columns import broken, columns
from vmm.diagnoses.table import NAMES, diagnosis
from vmm.errors import VmmError

WIDTH = 100


def parser() -> Parser:
    parser = Parser(
        "vmm diagnose",
        "Run a recording once more and say what went wrong with interrupts in it, or list what is looked for.\n"
        "Of a guest: vmm run IMAGE --diagnose all. Exit status: 1 where a verdict is certain, else 0.",
        [
            "vmm diagnose --list",
            "vmm diagnose late_edge.vmmrec",
            "vmm diagnose late_edge.vmmrec missing_eoi",
            "vmm diagnose late_edge.vmmrec --json",
        ],
    )
    add = parser.add_argument
    add("file", metavar="FILE", nargs="?", type=Path, help="a recording: vmm run --record FILE")
    add("names", metavar="NAME[=BUDGET]", nargs="*", help="what is looked for (all)")
    add("--list", action="store_true", help="every diagnosis with its rule")
    add("--json", action="store_true", help="as JSON")
    return parser


def main(options: argparse.Namespace) -> int:
    if options.list:
        _list(options)
        return 0
    if options.file is None:
        raise VmmError("vmm diagnose: which recording? Say FILE, or --list for what is looked for")
    if str(options.file) in NAMES and not options.file.exists():
        raise VmmError(f"vmm diagnose {options.file}: of which recording? Say FILE first, or --list for its rule")
    from vmm.replayer.player import Replay
    from vmm.report import verdicts

    replay = Replay(options.file, None, lambda data: None)
    with replay.machine.diagnose(*options.names) as diagnoses:
        stop = progress.to_end(replay)
        looked = diagnoses.looked()
    found = looked.verdicts
    left = diagnoses.not_applied() | diagnoses.unended(stop)
    if options.json:
        print(json.dumps({"stop": str(stop), **verdicts.plain(looked), "not_applied": left}, indent=2))
    else:
        print(f"vmm: {stop}")
        verdicts.show(looked, left, sys.stdout)
    return session.CERTAIN if any(verdict.certain for verdict in found) else 0


def _list(options: argparse.Namespace) -> None:
    asked = [*([str(options.file)] if options.file else []), *options.names] or NAMES
    rows = {name: diagnosis(name) for name in asked}
    if options.json:
        facts = [{"name": name, "rule": row.RULE, "budget": row.BUDGET} for name, row in rows.items()]
        print(json.dumps(facts, indent=2))
        return
    for name, row in rows.items():
        print(broken(f"{name}{f'={row.BUDGET}' if row.BUDGET else ''}", columns(WIDTH)))
        print(broken(row.RULE, columns(WIDTH), head="    ", indent=4))
