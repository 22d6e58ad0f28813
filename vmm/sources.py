"""Where the bundled guests and their headers lie, and what the source of a guest is called."""

from __future__ import annotations

from pathlib import Path

SOURCES = (".S", ".s", ".c")


def bundled() -> Path:
    """The directory of guests: inside the package when installed, beside it in the source tree."""
    here = Path(__file__).resolve().parent
    inside = here / "guests"
    return inside if inside.is_dir() else here.parent / "guests"
