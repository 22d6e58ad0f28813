"""`vmm case`: what goes wrong in a case of the casebook, its source, and what its two variants differ in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.output import OutputFile

if TYPE_CHECKING:
    from vmm.casebook.case import Case
    from vmm.machine.machine import Machine


def parser() -> Parser:
    parser = Parser(
        "vmm case",
        "Show a case of the casebook: its story, what the fixed variant does otherwise, its source. "
        "vmm run NAME runs the broken variant.",
        [
            "vmm case missing_eoi",
            "vmm case cases/lost_update/arm64",
            "vmm case lost_update --source",
            "vmm case jitter --plot jitter.svg",
        ],
    )
    parser.add_argument("name", metavar="NAME[/ARCH]", help="a case, as vmm list cases has it")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--source", action="store_true", help="only the source, with both variants in it")
    only.add_argument("--scenario", action="store_true", help="only who plays the outside world: a scenario")
    plot = "draw both variants' runs, or what its figures depend on, .svg or .png (extra: plot)"
    only.add_argument("--plot", type=Path, metavar="FILE", help=plot)
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
    if options.plot:
        _plot(case, arch, options.plot)
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


def _plot(case: Case, arch: str, path: Path) -> None:
    from vmm.plots.drawn import check

    if not case.plot:
        raise VmmError(f"--plot: no picture shows what goes wrong in {case.name}; vmm run --plot draws any run")
    check("--plot", path)
    with OutputFile("--plot", path) as file:
        file.write(_picture(case, arch, path.suffix))


def _picture(case: Case, arch: str, suffix: str) -> bytes:
    from vmm.casebook.case import BROKEN, VARIANTS
    from vmm.cli.scripted import load
    from vmm.machine.machine import boot
    from vmm.plots.drawn import drawn, drawn_curves
    from vmm.plots.run import Run
    from vmm.plots.table import CURVES, plot

    if case.plot == CURVES and case.scenario:
        image = case.image(arch, BROKEN)
        return drawn_curves(load(case.scenario).curves(lambda: boot(image, console=None, gear="fast")), suffix)
    return drawn(plot(case.plot), [Run(_played(case, arch, variant), variant) for variant in VARIANTS], suffix)


def _played(case: Case, arch: str, variant: str) -> Machine:
    """Recorded, to its end."""
    from vmm.cli.scripted import load
    from vmm.machine.machine import boot

    machine = boot(case.image(arch, variant), console=None)
    with machine.trace.record():
        if case.scenario:
            load(case.scenario).start(machine)
        machine.run()
        machine.close()
    return machine
