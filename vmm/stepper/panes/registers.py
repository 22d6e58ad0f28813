"""Registers and flags; what has changed since the last look is lit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from vmm.arch import named
from vmm.arch.architecture import Value
from vmm.stepper.layout import Size
from vmm.stepper.panes.pane import DIM, LIT, View, line

TITLE = "registers"
BESIDE = 2
"""Registers in a line, where the pane is as wide as it wants to be."""
GAP = 2
LEAST = 40
"""Columns, for the flags."""
SHORT = 4
"""Letters of a name that stands in a block with others of its kind."""
FEW = 8
"""Digits that are always there."""


def draw(view: View) -> list[Text]:
    """Flags first, those that are set in capitals; then as many registers to a line as fit."""
    cpu = view.walk.cpu
    dump = named(view.walk.machine.architecture).dump()
    flags: list[tuple[str, str]] = []
    for name, is_set in dump.flags(cpu):
        flags.append((name.upper() if is_set else name.lower(), view.style(name, is_set, LIT if is_set else DIM)))
        flags.append((" ", ""))
    rows = [line((cpu.state, DIM)), line(*flags)]
    for block in _blocks(list(dump.values(cpu))):
        rows += _block(view, block)
    return rows


def needed(values: Sequence[Value]) -> Size:
    """For two of a kind beside each other, and what is above."""
    width = max(BESIDE * (_name(block) + 1 + block[0].digits) + GAP for block in _blocks(values) if len(block) > 1)
    width = max(width, LEAST)
    lines = sum(-(-len(block) // _fit(block, width, block[0].digits)) for block in _blocks(values))
    return Size(width, lines + 2)


def _blocks(values: Sequence[Value]) -> Iterator[list[Value]]:
    """Neighbours that look alike."""
    for _, block in groupby(values, lambda each: (each.digits, len(each.name) > SHORT)):
        yield list(block)


def _name(block: Sequence[Value]) -> int:
    return max(len(each.name) for each in block)


def _fit(block: Sequence[Value], width: int, digits: int) -> int:
    """How many of them fit into a line."""
    return max((width + GAP) // (_name(block) + 1 + digits + GAP), 1)


def _block(view: View, block: Sequence[Value]) -> Iterator[Text]:
    """Without zeros in front, where not even two fit otherwise."""
    digits = block[0].digits
    if len(block) > 1 and _fit(block, view.width, digits) < BESIDE:
        digits = max(min(FEW, digits), *(len(f"{each.value:x}") for each in block), 1)
    beside = _fit(block, view.width, digits)
    for first in range(0, len(block), beside):
        parts: list[tuple[str, str]] = []
        for each in block[first : first + beside]:
            value = f"{each.value:0{digits}x}", view.style(each.name, each.value)
            parts += [(f"{each.name:>{_name(block)}} ", DIM), value, (" " * GAP, "")]
        yield line(*parts[:-1])
