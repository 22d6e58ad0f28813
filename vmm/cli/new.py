"""`vmm new`: a program, a scenario, tests, one of which finds a planted bug, and the same on GitHub, to begin with."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from vmm.cli.parser import Parser
from vmm.errors import VmmError, unknown
from vmm.output import OutputFile
from vmm.version import __version__, described


class Kind(NamedTuple):
    """What is written is in the folder of its name, and in those it is laid upon; of one file the uppermost."""

    title: str
    board: str
    """That of its tests, without the devices that the program has no use for."""
    upon: tuple[str, ...]


KINDS = {
    "x86-asm": Kind("a guest in x86 assembler", "pc,pit=off", ("asm",)),
    "x86-c": Kind("a multiboot kernel in C", "pc,pit=off", ("built",)),
    "arm64-asm": Kind("a guest in AArch64 assembler", "virt", ("asm",)),
    "arm64-c": Kind("AArch64 firmware in C", "virt", ("built", "firmware")),
    "arm-asm": Kind("a guest in ARMv7 assembler", "virt", ("asm",)),
    "arm-c": Kind("ARMv7 firmware in C", "virt", ("built", "firmware")),
}
DEFAULT = "x86-asm"
ALL = "project"
"""The folder that every kind is laid upon."""
STARTER = Path(__file__).parent / "starter"
PLACES = {"workflow.yml": ".github/workflows/test.yml", "gitignore": ".gitignore"}
"""Of files that would mean something where they lie."""
PLANTED = "planted"
"""A name that files of every kind have."""


def parser() -> Parser:
    kinds = [f"  {name:11}{kind.title}" for name, kind in KINDS.items()]
    parser = Parser(
        "vmm new",
        "Write a program, a scenario and tests into a new directory NAME, and what runs them on GitHub.\n"
        "The tests pass; one of them finds a bug that was planted for it, and shows where.\n\n"
        "kinds:\n" + "\n".join(kinds),
        [
            "vmm new my_isr && cd my_isr && pytest",
            "vmm new my_kernel --kind x86-c && cd my_kernel && pytest",
            "vmm new firmware/counter --kind arm64-c",
        ],
    )
    parser.add_argument("name", metavar="NAME", type=_name, help="letters, digits and _; may have a directory in front")
    parser.add_argument("--kind", type=_kind, default=DEFAULT, metavar="KIND", help="one of those above (%(default)s)")
    return parser


def main(options: argparse.Namespace) -> int:
    directory: Path = options.name
    kind = KINDS[options.kind]
    words = {
        "@NAME@": directory.name, "@TITLE@": kind.title, "@BOARD@": kind.board,
        "@VERSION@": described(), "@VMM@": _requirement(),
    }  # fmt: skip
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise VmmError(f"{directory}: it is there already, and nothing is written over") from error
    except OSError as error:
        raise VmmError(f"{directory}: {error.strerror}") from error
    try:
        made = {_place(template, directory.name): template for template in templates(options.kind)}
        written = [_write(directory / place, made[place], words) for place in sorted(made)]
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)  # else the next try would be refused
        raise
    print(*written, sep="\n")
    print(f"next: cd {directory} && pytest")
    print("then: pytest --runxfail, which shows the planted bug as a failure, with its replay")
    return 0


def templates(kind: str) -> Iterable[Path]:
    """The files that a kind is made from."""
    found: dict[str, Path] = {}
    for folder in (ALL, *KINDS[kind].upon, kind):
        found |= {path.name: path for path in (STARTER / folder).iterdir() if path.is_file()}
    return found.values()


def _place(template: Path, name: str) -> str:
    return PLACES.get(template.name, template.name.replace("NAME", name))


def _write(path: Path, template: Path, words: dict[str, str]) -> Path:
    text = template.read_text(encoding="utf-8")
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    path.parent.mkdir(parents=True, exist_ok=True)
    with OutputFile("file", path) as file:
        file.write(text)
    return path


def _requirement() -> str:
    """This vmm, as pip can install it elsewhere: what it was installed from, if that was a repository."""
    try:
        origin = json.loads(metadata.distribution("vmm").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a source tree on the path
        origin = {}
    if commit := origin.get("vcs_info", {}).get("commit_id"):
        return f"vmm @ {origin['vcs_info']['vcs']}+{origin['url']}@{commit}"
    return f"vmm=={__version__}"


def _name(text: str) -> Path:
    path = Path(text)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", path.name):
        raise VmmError(f"{text!r}: a name has letters, digits and _, and begins with no digit")
    if path.name == PLANTED:
        raise VmmError(f"{text!r}: this is what the planted bug is called")
    return path


def _kind(text: str) -> str:
    if text not in KINDS:
        raise unknown("kind", text, KINDS)
    return text
