"""The path of an interrupt is recorded, with what the events mean."""

from __future__ import annotations

from models.gic import NONE

from intc.gic.product_gic import GICC_EOIR, GICC_IAR, ICENABLER, ISENABLER, ProductGic
from intc.gic.v2.given import SPI, prepare
from vmm.core.native import lib


def test_every_step_of_an_interrupt_is_in_the_trace(product: ProductGic) -> None:
    prepare(product, SPI)
    product.events()
    product.set_line(0, SPI, True)
    product.cpu_read(0, GICC_IAR[0])
    product.set_line(0, SPI, False)
    product.cpu_write(0, GICC_EOIR[0], SPI)
    product.cpu_read(0, GICC_IAR[0])
    assert [(event.kind, event.number, event.value) for event in product.events()] == [
        (lib.VMM_EV_PENDING, SPI, 0),
        (lib.VMM_EV_ACKNOWLEDGED, SPI, 0),
        (lib.VMM_EV_ENDED, SPI, 3),
        (lib.VMM_EV_SPURIOUS, NONE, 0),
    ]


def test_disabling_and_enabling_is_in_the_trace(product: ProductGic) -> None:
    product.dist_write(0, ISENABLER + 4, 0x3)
    product.dist_write(0, ISENABLER + 4, 0x1)
    product.dist_write(0, ICENABLER + 4, 0x2)
    masked = [(event.number, event.value) for event in product.events() if event.kind == lib.VMM_EV_MASKED]
    assert masked == [(32, 0), (33, 0), (33, 1)]
