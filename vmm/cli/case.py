"""`vmm case`: what goes wrong in a case of the casebook, its source, and what its two variants differ in."""

from __future__ import annotations

import argparse
import sys

from vmm.cli.parser import Parser
from vmm.errors import VmmError


def parser() -> Parser:
    parser = Parser(
        "vmm case",
        "Show a case of the casebook: its story, what the fixed variant does otherwise, its source. "
        "vmm run NAME runs the broken variant.",
        ["vmm case missing_eoi", "vmm case cases/lost_update/arm64", "vmm case lost_update --source"],
    )
    parser.add_argument("name", metavar="NAME[/ARCH]", help="a case, as vmm list has it")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--source", action="store_true", help="only the source, with both variants in it")
    only.add_argument("--scenario", action="store_true", help="only who plays the outside world: a scenario")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.casebook.case import FOLDER, asked
    from vmm.casebook.difference import difference
    from vmm.pages import rendered

    name = options.name if options.name.startswith(f"{FOLDER}/") else f"{FOLDER}/{options.name}"
    chosen = asked(name)
    assert chosen, "the name begins as a case's does"
    case, arch = chosen.case, chosen.arch
    source = case.source(arch)
    if options.source:
        sys.stdout.write(source.read_text(encoding="utf-8"))
        return 0
    if options.scenario:
        if case.scenario is None:
            raise VmmError(f"--scenario: nobody plays the outside world in {case.name}")
        sys.stdout.write(case.scenario.read_text(encoding="utf-8"))
        return 0
    others = ", ".join(f"{case.name}/{each}" for each in case.machines if each != arch)
    run = f"vmm run {case.name}/{arch} --variant broken"
    parts = [
        case.story.rstrip(), "## From broken to fixed", f"```diff\n{difference(case, arch)}```",
        f"    {run}\n    {run.replace('broken', 'fixed')}\n    vmm case {case.name}/{arch} --source",
        *([f"Also as {others}."] if others else []),
    ]  # fmt: skip
    rendered.show("\n\n".join(parts) + "\n", sys.stdout)
    return 0
