"""The boards there are, one row each."""

from __future__ import annotations

from vmm.boards import pc
from vmm.boards.board import Board, Parts
from vmm.errors import VmmError, unknown

BOARDS = {module.NAME: module for module in (pc,)}


def parse(text: str) -> tuple[str, dict[str, str]]:
    """`NAME[,key=value…]` as a name and its options; VmmError names what is off."""
    name, *pairs = text.split(",")
    if name not in BOARDS:
        raise unknown("board", name, BOARDS)
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise VmmError(f"--board: {pair!r} must be key=value")
        options[key] = value
    return name, options


def build(name: str, parts: Parts) -> Board:
    """Wire board `name` from `parts`."""
    board: Board = BOARDS[name].build(parts)
    return board
