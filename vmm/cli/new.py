"""`vmm new`: a guest, a scenario and a test to begin with."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from string import Template

from vmm.arch import DEFAULT, named
from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.output import OutputFile

FILES = {"{name}.S": "{arch}.S.in", "scenario.py": "scenario.py.in", "test_{name}.py": "test.py.in"}
"""What is written, and what from."""
STARTER = Path(__file__).parent / "starter"


def parser() -> Parser:
    parser = Parser(
        "vmm new",
        "Write a guest, a scenario and a test that pass into a new directory NAME.",
        ["vmm new my_isr", "vmm new my_isr --arch arm64"],
    )
    parser.add_argument("name", metavar="NAME", type=_name, help="letters, digits and _; may have a directory in front")
    parser.add_argument("--arch", type=_arch, default=DEFAULT, metavar="ARCH", help="x86, arm64 or arm (%(default)s)")
    return parser


def main(options: argparse.Namespace) -> int:
    directory: Path = options.name
    names = {"name": directory.name, "arch": options.arch, "number": named(options.arch).starter}
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise VmmError(f"{directory}: it is there already, and nothing is written over") from error
    except OSError as error:
        raise VmmError(f"{directory}: {error.strerror}") from error
    try:
        written = [_write(directory / file.format_map(names), template, names) for file, template in FILES.items()]
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)  # else the next try would be refused
        raise
    print(*written, sep="\n")
    return 0


def _write(path: Path, template: str, names: dict[str, str]) -> Path:
    text = Template((STARTER / template.format_map(names)).read_text(encoding="utf-8")).substitute(names)
    with OutputFile("file", path) as file:
        file.write(text)
    return path


def _name(text: str) -> Path:
    path = Path(text)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", path.name):
        raise VmmError(f"{text!r}: a name has letters, digits and _, and begins with no digit")
    return path


def _arch(text: str) -> str:
    return named(text).name
