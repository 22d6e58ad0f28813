"""`vmm doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata

from vmm import toolchain
from vmm.arch import ARCHITECTURES, every
from vmm.cli.parser import Parser
from vmm.columns import broken, width
from vmm.errors import VmmError
from vmm.version import described

MOST = 1_000_000
"""Instructions it may take."""


@dataclass(frozen=True)
class Finding:
    """One line: what was looked for, what was `found`, and if that is not `ok` a hint."""

    name: str
    ok: bool
    found: str
    essential: bool
    hint: str = ""


def parser() -> Parser:
    parser = Parser(
        "vmm doctor",
        "Check what vmm needs. Exit status: 0 when guests run on this machine, else 1.",
        ["vmm doctor", "vmm doctor --json"],
    )
    parser.add_argument("--json", action="store_true", help="as JSON: name, ok, found, essential, hint")
    return parser


def main(options: argparse.Namespace) -> int:
    findings = list(examine())
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            hint = f" ({finding.hint})" if finding.hint else ""
            head = f"{'ok' if finding.ok else 'missing':9}{finding.name:18}"
            print(broken(finding.found + hint, width(), head=head, indent=len(head)))
    return 0 if all(finding.ok for finding in findings if finding.essential) else 1


def examine() -> Iterator[Finding]:
    """Every check, in the order in which one rests on another."""
    yield Finding("Python", sys.version_info >= (3, 10), platform.python_version(), True)
    yield Finding("platform", True, platform.platform(), False)
    yield Finding("vmm", True, described(), True)
    for package in ("unicorn", "capstone", "pyelftools", "rich", "cffi"):
        yield _package(package)
    yield _tried("C extension", _extension, essential=True)
    yield _tried("Unicorn's CPU", _machine, essential=True)
    for arch in every():
        for controller, guest in arch.proofs.items():
            yield _tried(f"{arch.name}, {controller}", partial(_runs, guest), essential=True)
    for arch in every():
        if "fast" in arch.gears:
            guest = next(iter(arch.proofs.values()))
            yield _tried(f"fast gear, {arch.name}", partial(_same_in_both_gears, guest), essential=False)
    for name in ARCHITECTURES:
        yield _tried(f"assembler, {name}", partial(_assembler, name), essential=False)
    for arch in every():
        path, hint = shutil.which(arch.qemu), "only comparisons need it"
        yield Finding(f"QEMU, {arch.name}", path is not None, path or arch.qemu, False, "" if path else hint)


def _package(name: str) -> Finding:
    needed = _requirement(name)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", True, f"pip install '{needed}'")
    wrong = "==" in needed and needed.partition("==")[2] != version
    return Finding(name, not wrong, version, True, f"pip install '{needed}'" if wrong else f"needs {needed}")


def _requirement(name: str) -> str:
    """What vmm's own package says of `name`, such as "unicorn==2.1.4"."""
    try:
        needed = metadata.requires("vmm") or []
    except metadata.PackageNotFoundError:  # a source tree on the path
        needed = []
    return next((text for text in needed if text.startswith(name)), name)


def _tried(name: str, check: Callable[[], str], *, essential: bool) -> Finding:
    try:
        return Finding(name, True, check(), essential)
    except VmmError as error:
        return Finding(name, False, "", essential, str(error))


def _extension() -> str:
    from vmm.core.native import lib

    return f"vmm._native, up to {lib.VMM_MAX_VCPUS} vCPUs"


def _machine() -> str:
    """Building a machine proves every private field of Unicorn by behaviour."""
    from vmm.machine.machine import Machine

    Machine()
    return "private fields found and proven"


def _runs(guest: str) -> str:
    from vmm.machine.machine import boot

    machine = boot(guest, console=None)
    machine.limit(insns=MOST)
    stop = machine.run()
    if stop.exit_status != 0:
        raise VmmError(f"{guest}: {stop.detail}")
    return f"{guest} takes its interrupts"


def _same_in_both_gears(guest: str) -> str:
    from vmm.core.native import no_fast_gear
    from vmm.machine.machine import boot

    fast, precise = (boot(guest, gear=gear, console=None) for gear in ("fast", "precise"))
    if fast.gear != "fast":
        raise VmmError(f"{no_fast_gear()}; the precise gear is used")
    for machine in (fast, precise):
        machine.limit(insns=MOST)
        machine.run()
    if fast.trace.hash != precise.trace.hash:
        raise VmmError(f"{guest} has another run than in the precise gear")
    return f"{guest} has one run in both gears"


def _assembler(arch: str) -> str:
    return shlex.join(toolchain.find(arch).compiler)
