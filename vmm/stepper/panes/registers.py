"""Registers and flags; what has changed since the last look is lit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from vmm.arch import named
from vmm.arch.architecture import Value
from vmm.stepper.layout import Size
from vmm.stepper.panes.pane import DIM, LIT, View, line

TITLE = "registers"
BESIDE = 2
"""Registers in a line, where the pane is as wide as it wants to be."""
GAP = 2
LEAST = 38
"""Columns, for the flags."""


def needed(values: Sequence[Value]) -> Size:
    """For two of them beside each other, and what is above."""
    wide = max(len(each.name) for each in values) + 1 + max(each.digits for each in values)
    return Size(max(BESIDE * wide + GAP, LEAST), -(-len(values) // BESIDE) + 2)


def draw(view: View) -> list[Text]:
    """Flags first, those that are set in capitals; then as many registers to a line as fit."""
    cpu = view.walk.cpu
    dump = named(view.walk.machine.architecture).dump()
    rows = [line((cpu.state, DIM))]
    flags: list[tuple[str, str]] = []
    for name, is_set in dump.flags(cpu):
        flags.append((name.upper() if is_set else name.lower(), view.style(name, is_set, LIT if is_set else DIM)))
        flags.append((" ", ""))
    rows.append(line(*flags))
    values = list(dump.values(cpu))
    size = max(len(each.name) for each in values)
    parts: list[tuple[str, str]] = []
    taken = 0
    for each in values:
        wide = size + 1 + each.digits
        if taken and taken + GAP + wide > view.width:
            rows.append(line(*parts))
            parts, taken = [], 0
        if taken:
            parts.append((" " * GAP, ""))
            taken += GAP
        parts += [(f"{each.name:>{size}} ", DIM), (f"{each.value:0{each.digits}x}", view.style(each.name, each.value))]
        taken += wide
    rows.append(line(*parts))
    return rows
