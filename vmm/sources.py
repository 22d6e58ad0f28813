"""Where the bundled guests and their headers lie, and what the source of a guest is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from vmm.errors import printable

SOURCES = (".S", ".s", ".c")
MOST_BYTES = 4 << 20
"""Of a source file that is read."""


def bundled() -> Path:
    """The directory of guests: inside the package when installed, beside it in the source tree."""
    here = Path(__file__).resolve().parent
    inside = here / "guests"
    return inside if inside.is_dir() else here.parent / "guests"


def source_of(name: str, beside: Path) -> Path | None:
    """The source that a line table calls so: a whole path, or from where it was compiled, which is most often beside
    the image. None: it is not here.
    """
    for directory in (beside, Path(), bundled() / "include"):
        path = directory / name
        try:
            if path.is_file():
                return path.absolute()
        except (OSError, ValueError):
            continue
    return None


class SourceTexts:
    """Lines of sources, as far as they are here; `beside`: where the image's lie."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._files: dict[str, list[str]] = {}

    def line(self, file: str, number: int) -> str:
        """As the line table calls the file, from 1; printable, no blanks around it. Empty where it is not here."""
        if file not in self._files:
            self._files[file] = self._lines(file)
        lines = self._files[file]
        return printable(lines[number - 1].strip().expandtabs()) if 0 < number <= len(lines) else ""

    def _lines(self, file: str) -> list[str]:
        path = source_of(file, self._beside)
        try:
            if path is None or path.stat().st_size > MOST_BYTES:
                return []
            return path.read_text(errors="replace").split("\n")
        except OSError:
            return []


def described(path: Path) -> dict[str, Any]:
    """What the guest.toml or case.toml at `path` says."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))
