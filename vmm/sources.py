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


def described(path: Path) -> dict[str, Any]:
    """What the guest.toml or case.toml at `path` says."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))
