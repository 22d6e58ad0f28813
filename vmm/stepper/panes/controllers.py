"""Interrupt controllers and the lines that lead there, as they are now; what has changed is lit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from rich.text import Text

from vmm.errors import VmmError
from vmm.intc.gic import Gic
from vmm.intc.i8259 import Pic
from vmm.intc.ioapic import IoApic
from vmm.intc.lapic import LocalApic
from vmm.stepper.panes.pane import DIM, LIT, View, line

TITLE = "controllers"


class Row(NamedTuple):
    """A register, or several of a kind."""

    name: str
    text: str


def draw(view: View) -> list[Text]:
    """Those the board has, then the lines that are high."""
    machine = view.walk.machine
    rows: list[tuple[str, Row]] = []
    for name, told in CONTROLLERS.items():
        try:
            controller = getattr(machine, name)
        except VmmError:  # this board has none
            continue
        rows += [(name, row) for row in told(controller)]
    high = [name for name in machine.board.line_names.values() if machine.line(name).high]
    rows.append(("lines", Row("lines high", _list(high))))
    label = max(len(row.name) for _, row in rows)
    return [_row(view, label, controller, row) for controller, row in rows]


def _row(view: View, label: int, controller: str, row: Row) -> Text:
    style = view.style(f"{controller} {row.name}", row.text)
    return line((f"{row.name:<{label}} ", LIT if not row.text else DIM), (row.text, style))


def _list(items: Iterable[object]) -> str:
    return " ".join(map(str, items)) or "–"


def _bits(master: int, slave: int) -> str:
    """A pin a column."""
    both = master | slave << 8
    text = "".join("█" if both >> n & 1 else "·" for n in range(16))
    return f"{text[:8]} {text[8:]}"


def _pic(pic: Pic) -> Iterator[Row]:
    a, b = pic.master, pic.slave
    yield Row("8259A", "01234567 89abcdef")
    yield Row("  IRR", _bits(a.irr, b.irr))
    yield Row("  ISR", _bits(a.isr, b.isr))
    yield Row("  IMR", _bits(a.imr, b.imr))
    yield Row("  vectors", f"{a.vector:#04x}{'':5}{b.vector:#04x}")


def _lapics(lapics: Iterable[LocalApic]) -> Iterator[Row]:
    for each in lapics:
        if each.mode == "disabled" or not each.software_enabled:
            yield Row(f"APIC {each.id}", "off")
            continue
        yield Row(f"APIC {each.id}", f"{each.mode}  TPR {each.tpr:02x}  PPR {each.ppr:02x}")
        yield Row(f"  IRR {each.id}", _list(f"{vector:#04x}" for vector in sorted(each.irr)))
        yield Row(f"  ISR {each.id}", _list(f"{vector:#04x}" for vector in sorted(each.isr)))


def _ioapic(ioapic: IoApic) -> Iterator[Row]:
    yield Row("IOAPIC pins", _list(sorted(ioapic.asserted)))
    pins = [pin for pin in range(24) if ioapic.pin(pin).remote_irr]
    yield Row("  remote IRR", _list(pins))


def _gic(gic: Gic) -> Iterator[Row]:
    yield Row(f"GICv{gic.version} SPIs", "")
    yield Row("  pending", _list(sorted(gic.dist.pending)))
    yield Row("  active", _list(sorted(gic.dist.active)))
    for each in gic.cpu:
        of = f" of CPU {each.index}" if len(gic.cpu) > 1 else ""
        inputs = "".join(f"  {name}" for name, up in (("IRQ", each.irq), ("FIQ", each.fiq)) if up)
        yield Row(f"CPU {each.index}", f"PMR {each.pmr:02x}  running {each.running_priority:02x}{inputs}")
        yield Row(f"  pending{of}", _list(sorted(each.pending | each.pending_lpis)))
        yield Row(f"  active{of}", _list(sorted(each.active)))


CONTROLLERS: dict[str, Callable[[Any], Iterator[Row]]] = {
    "pic": _pic, "lapic": _lapics, "ioapic": _ioapic, "gic": _gic,
}  # fmt: skip
"""By what a machine calls it."""
