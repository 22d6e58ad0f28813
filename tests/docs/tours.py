"""The tours of the manual: each block of a page after the other, from an empty folder, as a reader would.

`python tests/docs/tours.py` takes the programs of its environment, with nothing of this tree but the pages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]

from docs import blocks

MADE_BY_NEW = [blocks.MANUAL / f"tour-{name}.md" for name in ("kernel", "firmware")]
OURS = f"""
vmm() {{ "{sys.executable}" -m vmm "$@"; }}
pytest() {{ "{sys.executable}" -m pytest -p vmm.pytest_plugin -p no:cacheprovider "$@"; }}
python() {{ "{sys.executable}" "$@"; }}
"""
"""For a shell: the programs of this process's own environment, without the options that our own pytest has."""


def take(page: Path, directory: Path, programs: str = "") -> None:
    """AssertionError for the first command that prints something else than the page says."""
    here = directory
    for block in blocks.blocks(page):
        if block.name:
            (here / block.name).write_text(block.text)
        elif block.language == "console":
            command, expected = blocks.command(block)
            if command.startswith("cd "):
                here /= command.removeprefix("cd ")
                continue
            printed = _run(programs + command, here)
            line = blocks.missing(expected, printed)
            assert line is None, f"{block}: {command}\nhas no {line!r}:\n{printed}"
            if "\n…\n" not in f"\n{expected}":
                assert blocks.said(printed) == blocks.said(expected), f"{block}: {command}\n{printed}"


def _run(command: str, directory: Path) -> str:
    program = "pytest" if command.splitlines()[-1].startswith("pytest") else "vmm"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True, text=True, timeout=blocks.TIME_LIMIT, cwd=directory, env=blocks.environment(program),
    )  # fmt: skip
    return done.stdout + done.stderr


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    for tour in sorted(blocks.MANUAL.glob("tour-*.md")):
        with tempfile.TemporaryDirectory() as empty:
            take(tour, Path(empty))
        print(f"{tour.name}: as it says")
