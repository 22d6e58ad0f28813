"""What tests of a GICv3 begin with."""

from __future__ import annotations

from models.gic import GROUP1

from intc.gic.product_gic import AnyGic

SGI, PPI, SPI, OTHER_SPI = 3, 27, 33, 40
LPI, OTHER_LPI = 8192, 8200


def prepare(gic: AnyGic, intid: int, priority: int = 0xA0, group: int = GROUP1, cpu: int = 0) -> None:
    gic.set_group(cpu, intid, group)
    gic.set_priority(cpu, intid, priority)
    gic.set_enabled(cpu, intid, True)
    if intid >= 32:
        gic.set_route(cpu, intid, {cpu})


def acknowledge(gic: AnyGic, cpu: int = 0, register: int = 1) -> int:
    return gic.acknowledge(cpu, register)[0]
