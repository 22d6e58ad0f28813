"""Where the bundled guests and their headers lie, and what the source of a guest is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

SOURCES = (".S", ".s", ".c")


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


def described(path: Path) -> dict[str, Any]:
    """What the guest.toml or case.toml at `path` says."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))
