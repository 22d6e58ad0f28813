"""The stack from its top on, with the frames that interrupts have left there named field by field."""

from __future__ import annotations

from rich.text import Text

from vmm.arch import named
from vmm.arch.architecture import Field
from vmm.errors import VmmError
from vmm.stepper.panes.pane import DIM, HERE, LIT, PLAIN, WARNING, View, line
from vmm.trace.words import interrupt

TITLE = "stack"
ADDRESS = 8
"""Digits of one at least."""


def draw(view: View) -> list[Text]:
    """The innermost handler's frame where it is in registers; then a slot a line."""
    walk = view.walk
    cpu, machine = walk.cpu, walk.machine
    dump = named(machine.architecture).dump()
    top, width = dump.stack(cpu)
    slots: dict[int, tuple[Field, str]] = {}
    rows: list[Text] = []
    under_way = machine.trace.under_way(cpu.index, len(cpu.handlers()))
    for n, event in enumerate(under_way):
        what = interrupt(event.number, event.source, machine)
        rows.append(line(("within that of " if n else "handler of ", DIM), (what, LIT)))
        for field in dump.frame(cpu, event):
            if field.at is not None:
                slots[field.at] = field, what
            elif not n:
                rows.append(_field(view, field, f"{'':{ADDRESS}} "))
    at = top
    while len(rows) < view.height:
        found = slots.get(at)
        size = found[0].size if found else width
        try:
            value = int.from_bytes(cpu.read(at, size), "little")
        except VmmError:
            rows.append(line((f"{at:0{ADDRESS}x} not mapped", DIM)))
            break
        address = f"{at:0{ADDRESS}x} "
        if found:
            rows.append(_field(view, found[0], address))
        else:
            style = view.style(f"[{at:x}]", value, HERE if at == top else PLAIN)
            rows.append(line((address, DIM), (f"{value:0{2 * size}x}", style), (f" {_symbol(view, value)}", DIM)))
        at += size
    return rows


def _field(view: View, field: Field, address: str) -> Text:
    value = "unmapped" if field.value is None else f"{field.value:0{2 * field.size}x}"
    told = f" ◀ {field.name}"
    if field.value is not None and field.leads:
        told += f" {_symbol(view, field.value)}"
    changed = field.delivered is not None and field.value not in (None, field.delivered)
    was = f", was {field.delivered:#x}" if changed else ""
    style = view.style(f"{field.name} {address}", field.value, LIT)
    return line((address, DIM), (value, style), (told, WARNING), (was, "bold red"))


def _symbol(view: View, value: int) -> str:
    loaded = view.walk.machine.loaded
    return (loaded.place(value)[0] or "") if loaded else ""
