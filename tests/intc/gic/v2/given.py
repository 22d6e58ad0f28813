"""What tests of a GICv2 begin with."""

from __future__ import annotations

from models.gic import GROUP0

from intc.gic.product_gic import AnyGic

PPI, SPI, OTHER_SPI = 27, 33, 40
PLAIN, ALIAS = 0, 1
LAST_SPI = 287


def prepare(gic: AnyGic, intid: int, priority: int = 0xA0, group: int = GROUP0, cpu: int = 0) -> None:
    gic.set_group(cpu, intid, group)
    gic.set_priority(cpu, intid, priority)
    gic.set_enabled(cpu, intid, True)
    gic.set_route(cpu, intid, {cpu})


def acknowledge(gic: AnyGic, cpu: int = 0) -> int:
    return gic.acknowledge(cpu, PLAIN)[0]
