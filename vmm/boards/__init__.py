"""The boards there are, one row each."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vmm.errors import VmmError, unknown

BOARDS = {"pc": "vmm.boards.pc", "virt": "vmm.boards.virt"}
"""The module of each; one is imported when it is built, for a device tree takes longer to import than a PC to run."""


def parse(text: str) -> tuple[Any, dict[str, str]]:
    """`NAME[,key=value…]` as the board's module and its options; VmmError names what is off."""
    name, *pairs = text.split(",")
    if name not in BOARDS:
        raise unknown("board", name, BOARDS)
    options: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise VmmError(f"--board: {pair!r} must be key=value")
        if key in options:
            raise VmmError(f"--board: {key} is said twice, as {options[key]!r} and as {value!r}")
        options[key] = value
    return import_module(BOARDS[name]), options
