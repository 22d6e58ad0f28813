"""Which interrupts of outside a machine's controllers let through, as sources are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

CASCADE, PINS = 2, 8
FIRST_SPI, FIRST_PPI = 32, 16
"""INTIDs (IHI0048B 2.2.1)."""


def unmasked(machine: Machine) -> list[str]:
    """As the machine stands; without what nobody sends from outside."""
    found: list[str] = []
    for look in LOOKS:
        with suppress(VmmError):  # this board has no such controller
            found += look(machine)
    return list(dict.fromkeys(found))


def _pic(machine: Machine) -> Iterator[str]:
    pic = machine.pic
    masks = pic.master.imr | pic.slave.imr << PINS
    if masks >> CASCADE & 1:
        masks |= 0xFF00
    yield from (f"irq:{pin}" for pin in range(2 * PINS) if not masks >> pin & 1 and pin != CASCADE)


def _ioapic(machine: Machine) -> Iterator[str]:
    """Pin 2 is where a PC has IRQ 0."""
    lines = ((pin, 0 if pin == CASCADE else pin) for pin in range(24) if pin)
    yield from (f"irq:{line}" for pin, line in lines if not machine.ioapic.pin(pin).masked)


def _gic(machine: Machine) -> Iterator[str]:
    yield from (f"spi:{intid - FIRST_SPI}" for intid in sorted(machine.gic.dist.enabled))
    yield from (f"ppi:{intid}" for intid in sorted(machine.gic.cpu[0].enabled) if intid >= FIRST_PPI)


LOOKS: list[Callable[[Machine], Iterator[str]]] = [_pic, _ioapic, _gic]
