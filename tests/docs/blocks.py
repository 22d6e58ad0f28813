"""The README, the casebook's and the manual's pages as blocks: what a reader would copy, with the file it goes into."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MANUAL = ROOT / "vmm" / "pages"
BOOK = ROOT / "guests" / "README.md"
PAGES = [README, BOOK, *sorted(MANUAL.glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTO = re.compile(r"\binto\s+`([\w.]+)`", re.IGNORECASE)
HOST_TIME = re.compile(r"[\d.]+ s host")
PYTEST_TIME = re.compile(r"\d+\.\d+s")
TIME_LIMIT = 60
COLUMNS = {"vmm": 100, "pytest": 80}
"""How wide a terminal the transcripts are of."""


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    name: str
    """The file that the paragraph before it says it goes into, or nothing."""
    output: str | None
    """Of Python: the block that follows with nothing between, which is what it prints."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def title(page: Path) -> str:
    """Where it lies in the project; of a page of the manual, and of one elsewhere, its name alone."""
    ours = ROOT in page.parents and page.parent != MANUAL
    return page.relative_to(ROOT).as_posix() if ours else page.name


def blocks(page: Path) -> list[Block]:
    text, found = page.read_text(), []
    for fence in FENCE.finditer(text):
        before = text[: fence.start()]
        paragraph = before.rstrip("\n").rpartition("\n\n")[2]
        names = INTO.findall(paragraph)
        after = FENCE.match(text, fence.end() + 2) if text[fence.end() : fence.end() + 2] == "\n\n" else None
        output = after[2] if after and not after[1] else None
        name = names[-1] if names else ""
        found.append(Block(title(page), before.count("\n") + 1, fence[1], fence[2], name, output))
    return found


BLOCKS = {title(page): blocks(page) for page in PAGES if page != MANUAL / "README.md"}


def every(language: str) -> list[Block]:
    """Of the pages whose blocks run alone; those of a tour go on where the one before them ended."""
    alone = (found for page, found in BLOCKS.items() if not page.startswith("tour-"))
    return [block for found in alone for block in found if block.language == language]


def put_sources(page: str, directory: Path) -> None:
    """The files that a page shows, under the names it gives them; of several with one name the first."""
    for block in reversed(BLOCKS[page]):
        if block.name:
            (directory / block.name).write_text(block.text)


def commands(block: Block) -> list[tuple[str, str]]:
    """A transcript's commands, each with what it prints."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [(line, printed) for line, _, printed in (part.partition("\n") for part in parts)]


def command(block: Block) -> tuple[str, str]:
    """A transcript's command, and what it prints."""
    line, _, printed = block.text.partition("\n")
    return line.removeprefix("$ "), printed


def run(words: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """`vmm …` or `pytest …`, without the options that our own pytest has."""
    program, *arguments = shlex.split(words)
    assert program in ("vmm", "pytest")
    plugin = ["-p", "vmm.pytest_plugin", "-p", "no:cacheprovider"] if program == "pytest" else []
    return subprocess.run(
        [sys.executable, "-m", program, *plugin, *arguments],
        capture_output=True, text=True, timeout=TIME_LIMIT, cwd=directory, env=environment(program),
    )  # fmt: skip


def run_shell(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """A block of commands as a shell runs it that stops at the first one that fails."""
    program = f'vmm() {{ "{sys.executable}" -m vmm "$@"; }}\n{text}'
    return subprocess.run(
        ["bash", "-e", "-c", program],
        capture_output=True, text=True, timeout=TIME_LIMIT, cwd=directory, env=environment("vmm"),
    )  # fmt: skip


def environment(program: str) -> dict[str, str]:
    named = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**named, "COLUMNS": str(COLUMNS[program])}


def steady(text: str) -> str:
    """A transcript without what differs from run to run."""
    return PYTEST_TIME.sub("X", HOST_TIME.sub("", text))


def said(text: str) -> str:
    return steady(text).strip()


def missing(expected: str, output: str) -> str | None:
    """The first line of a transcript that the output has not, in this order; … stands for lines left out."""
    lines = iter(steady(output).splitlines())
    wanted = [line.rstrip() for line in steady(expected).splitlines() if line != "…"]
    return next((line for line in wanted if not any(line == found.rstrip() for found in lines)), None)
