"""Controllers as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.intc.gic import FIRST_PPI, FIRST_SPI
from vmm.intc.ioapic import PINS
from vmm.intc.lapic import ENTRIES
from vmm.shown.elements import Html, facts, name, number, numbers, picture, table

if TYPE_CHECKING:
    from vmm.intc.gic import CpuInterface, Distributor, Gic
    from vmm.intc.i8259 import Chip, Pic
    from vmm.intc.ioapic import IoApic
    from vmm.intc.lapic import LocalApic

NO_PRIORITY = 0xFF
"""Running: nothing is handled."""

# ---- 8259A ----

CHIP = ("pin", "vector", "requested", "in service", "masked", "level", "lowest priority")


def chip(of: Chip) -> str:
    """One 8259A."""
    return picture(f"8259A, INT {'high' if of.output else 'low'}", table(CHIP, _pins(of)))


def pair(of: Pic) -> str:
    """Both of a PC, by IRQ."""
    rows = [(irq, *row) for irq, row in enumerate((*_pins(of.master), *_pins(of.slave)))]
    out = "high" if of.master.output else "low"
    return picture(f"8259A pair, INT of the master {out}", table(("IRQ", *CHIP), rows))


def _pins(of: Chip) -> Iterator[tuple[object, ...]]:
    for pin in range(8):
        bits = (bool(register >> pin & 1) for register in (of.irr, of.isr, of.imr, of.elcr))
        yield f"IR{pin}", number(of.vector + pin, 8), *bits, of.lowest == pin


# ---- APICs ----


def local_apic(of: LocalApic) -> str:
    """Registers, local vector table and timer."""
    enabled = "enabled" if of.software_enabled else "disabled by SVR"
    bootstrap = ", bootstrap processor" if of.is_bsp else ""
    state = (
        ("requested (IRR)", numbers(of.irr, 8)), ("in service (ISR)", numbers(of.isr, 8)),
        ("level-triggered (TMR)", numbers(of.tmr, 8)),
        ("task priority (TPR)", number(of.tpr, 8)), ("processor priority (PPR)", number(of.ppr, 8)),
        ("spurious vector", number(of.spurious_vector, 8)), ("errors (ESR)", number(of.esr, 8)),
        ("timer's count", of.timer_count), ("it reaches 0 at, ns", of.timer_expiry_ns),
        ("TSC deadline", of.tsc_deadline),
    )  # fmt: skip
    entries = ((each, of.entry(each)) for each in ENTRIES)
    rows = [(each, number(lvt.vector, 8), lvt.delivery, lvt.masked, lvt.level) for each, lvt in entries]
    vectors = table(("entry", "vector", "delivery", "masked", "level"), rows)
    title = f"local APIC {of.id}, {of.mode}, {enabled}{bootstrap}"
    return picture(title, facts(state), name("local vector table"), vectors)


def ioapic(of: IoApic) -> str:
    """Its redirection table, without pins that nobody has set up or asserts."""
    entries = [(pin, of.pin(pin)) for pin in range(PINS)]
    rows = [
        (
            pin, pin in of.asserted, number(to.vector, 8), to.delivery, number(to.destination, 8), to.logical, to.level,
            to.active_low, to.masked, to.remote_irr,
        )
        for pin, to in entries
        if pin in of.asserted or not to.masked or to.vector
    ]  # fmt: skip
    names = (
        "pin", "asserted", "vector", "delivery", "to", "logical", "level", "active low", "masked", "remote IRR",
    )  # fmt: skip
    rest = PINS - len(rows)
    left = name(f"{rest} pin{'s are' if rest != 1 else ' is'} masked, not set up and not asserted") if rest else Html()
    return picture(f"IOAPIC {of.id}", table(names, rows), left)


# ---- GIC ----

Interrupt = tuple[int, str, bool, bool, bool, bool, bool, Html, int]
"""A row of INTERRUPT."""
INTERRUPT = ("INTID", "kind", "line", "pending", "active", "enabled", "edge", "priority", "group")
INTERFACE = ("vCPU", "IRQ", "FIQ", "highest pending", "running priority", "PMR", "groups", "pending LPIs")


def gic(of: Gic) -> str:
    """Interfaces, then interrupts that somebody has to do with."""
    parts = [table(INTERFACE, map(_interface, of.cpu))]
    if local := [(each.index, *row) for each in of.cpu for row in _interrupts(each)]:
        parts += [name("SGIs and PPIs"), table(("vCPU", *INTERRUPT), local)]
    if shared := list(_shared(of.dist)):
        parts += [name("SPIs"), table((*INTERRUPT, "to vCPU"), shared)]
    return picture(f"GICv{of.version}", *parts)


def distributor(of: Distributor) -> str:
    """Its SPIs."""
    groups = ", ".join(map(str, sorted(of.groups))) or "no group"
    return picture(f"GIC distributor, forwards {groups}", table((*INTERRUPT, "to vCPU"), _shared(of)))


def interface(of: CpuInterface) -> str:
    """A vCPU's own interrupts."""
    return picture(
        f"GIC, interface of vCPU {of.index}", table(INTERFACE, [_interface(of)]), table(INTERRUPT, _interrupts(of))
    )


def _interface(of: CpuInterface) -> tuple[object, ...]:
    running = None if of.running_priority == NO_PRIORITY else number(of.running_priority, 8)
    return of.index, of.irq, of.fiq, of.hppi, running, number(of.pmr, 8), of.groups, of.pending_lpis


def _shared(of: Distributor) -> Iterator[tuple[object, ...]]:
    for intid, *row in _interrupts(of):
        yield intid, *row, of.targets(intid)


def _interrupts(of: Distributor | CpuInterface) -> Iterator[Interrupt]:
    """Those that are asserted, pending, active or, but for SGIs, which may always be, enabled."""
    enabled = (intid for intid in of.enabled if intid >= FIRST_PPI)
    for intid in sorted(of.pending | of.active | of.asserted | {*enabled}):
        kind = "SGI" if intid < FIRST_PPI else "PPI" if intid < FIRST_SPI else "SPI"
        yield (
            intid, kind, intid in of.asserted, intid in of.pending, intid in of.active, intid in of.enabled,
            intid in of.edge_triggered, number(of.priority(intid), 8), of.group(intid),
        )  # fmt: skip
