"""`vmm bisect`: the first instruction at which two recorded runs differ."""

from __future__ import annotations

import argparse
from pathlib import Path

from vmm.cli import DIFFERS, progress
from vmm.cli.parser import Parser


def parser() -> Parser:
    parser = Parser(
        "vmm bisect",
        "Replay two recordings and find the first instruction after which their machines differ: registers, memory, "
        "events. Exit status: 0 when they never do, else 1.",
        ["vmm bisect good.vmmrec bad.vmmrec"],
    )
    parser.add_argument("first", metavar="A.vmmrec", type=Path)
    parser.add_argument("second", metavar="B.vmmrec", type=Path)
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.replayer.bisect import bisect

    with progress.shown() as shown:
        tell = (lambda insns: shown.tell(f"comparing, at instruction {insns} of a replay")) if shown else None
        found = bisect(options.first, options.second, tell)
    if found is None:
        print("the runs do not differ")
        return 0
    print(f"the runs differ after {found.insns} instructions, vCPU {found.vcpu}, at {found.where}")
    for line in found.details:
        print(f"  {line}")
    return DIFFERS
