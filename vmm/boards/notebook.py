"""A board as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.shown.elements import name, picture, table

if TYPE_CHECKING:
    from vmm.boards.board import Board

LINE = ("line", "called", "driven by")


def board(of: Board) -> str:
    """Its devices, and the lines that one of them drives."""
    devices = table(("device", "what"), ((called, repr(device)) for called, device in of.devices.items()))
    lines = ((line, of.line_names.get(line), ", ".join(names)) for line, names in sorted(of.drivers.items()))
    return picture(f"board {of.name}", devices, name("lines that devices drive"), table(LINE, lines))
