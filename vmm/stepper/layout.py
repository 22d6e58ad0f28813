"""Where each pane lies: side by side where there is room, and folded into a few where there is not."""

from __future__ import annotations

from typing import NamedTuple

NARROW = 120
"""Columns below which panes fold: code and registers stay, and one of the others is below them."""
FOLDED = ("stack", "events", "controllers", "console")
"""In the order in which Tab shows them."""
LOW = 9
"""Lines of the one below."""
FRAME = 2
"""Lines and columns that a frame takes; beside a column there is a blank to either side."""
CONTROLLERS = 16
"""Lines for them at most, where there are events below."""


class Size(NamedTuple):
    """Columns and lines."""

    width: int
    height: int


class Place(NamedTuple):
    """Of a pane, with its frame."""

    x: int
    y: int
    width: int
    height: int

    @property
    def offset(self) -> tuple[int, int]:
        """From the corner."""
        return self.x, self.y

    @property
    def size(self) -> tuple[int, int]:
        """With its frame."""
        return self.width, self.height


def laid_out(width: int, height: int, registers: Size, folded: str) -> dict[str, Place]:
    """Of so much room; `registers`: what those need. A pane that is not there is not shown."""
    column = min(registers.width + 2 * FRAME, width // 2)
    if width < NARROW:
        low = min(LOW, height // 2)
        return {
            "code": Place(0, 0, width - column, height - low),
            "registers": Place(width - column, 0, column, height - low),
            folded: Place(0, height - low, width, low),
        }
    left = (width - column) // 2
    right = width - column - left
    console = max(height // 5, 5)
    some = min(registers.height + FRAME, height // 2)
    controllers = min(CONTROLLERS, height // 2)
    return {
        "code": Place(0, 0, left, height - console),
        "console": Place(0, height - console, left, console),
        "registers": Place(left, 0, column, some),
        "stack": Place(left, some, column, height - some),
        "controllers": Place(left + column, 0, right, controllers),
        "events": Place(left + column, controllers, right, height - controllers),
    }
