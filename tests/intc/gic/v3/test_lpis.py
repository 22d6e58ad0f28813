"""Rule 23: LPIs, by hand from Arm IHI0069."""

from __future__ import annotations

import pytest
from models.gic import NONE

from intc.gic.product_gic import (
    GICR_CTLR,
    GICR_PENDBASER,
    GICR_PROPBASER,
    LPI_TABLE_BYTES,
    RAM_BASE,
    RESERVED,
    AnyGic,
    ProductGic,
)
from intc.gic.v3.given import LPI, OTHER_LPI, SPI, acknowledge, prepare


def test_an_lpi_is_a_group_1_interrupt_with_the_priority_of_its_table(gic: AnyGic) -> None:
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0x80, True)
    gic.set_lpi(0, LPI, True)
    assert (gic.output(0), gic.hppi(0, 1), gic.pending_lpis(0)) == ("irq", (LPI, 0), {LPI})
    assert (acknowledge(gic), gic.running_priority(0), gic.pending_lpis(0)) == (LPI, 0x80, set())


def test_an_lpi_is_never_active_and_its_end_only_drops_the_priority(gic: AnyGic) -> None:
    """4.1.2: it may be pending and be taken again while it is handled, once its priority is dropped."""
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0x80, True)
    gic.set_lpi(0, LPI, True)
    acknowledge(gic)
    gic.set_lpi(0, LPI, True)
    assert (gic.intids(0, "active"), acknowledge(gic)) == (set(), NONE)
    gic.end(0, 1, LPI)
    assert (acknowledge(gic), gic.take_errors()) == (LPI, [])


def test_a_disabled_lpi_stays_pending_until_the_table_enables_it(gic: AnyGic) -> None:
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0x80, False)
    gic.set_lpi(0, LPI, True)
    assert (gic.output(0), gic.pending_lpis(0)) == ("", {LPI})
    gic.configure_lpi(LPI, 0x80, True)
    assert gic.output(0) == "irq"


def test_an_lpi_of_higher_priority_goes_before_one_of_lower_intid(gic: AnyGic) -> None:
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0x80, True)
    gic.configure_lpi(OTHER_LPI, 0x40, True)
    for intid in (LPI, OTHER_LPI):
        gic.set_lpi(0, intid, True)
    assert acknowledge(gic) == OTHER_LPI
    gic.end(0, 1, OTHER_LPI)
    assert acknowledge(gic) == LPI


def test_an_spi_goes_before_an_lpi_of_the_same_priority(gic: AnyGic) -> None:
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0xA0, True)
    gic.set_lpi(0, LPI, True)
    prepare(gic, SPI, 0xA0)
    gic.set_line(0, SPI, True)
    assert acknowledge(gic) == SPI


def test_nothing_becomes_pending_while_lpis_are_off(gic: AnyGic) -> None:
    gic.configure_lpi(LPI, 0x80, True)
    gic.set_lpi(0, LPI, True)
    gic.set_lpis_on(0, True)
    assert (gic.pending_lpis(0), gic.output(0)) == (set(), "")


def test_a_pending_lpi_moves_to_another_cpu(gic: AnyGic) -> None:
    for cpu in (0, 1):
        gic.set_lpis_on(cpu, True)
    for intid in (LPI, OTHER_LPI):
        gic.configure_lpi(intid, 0x80, True)
        gic.set_lpi(0, intid, True)
    gic.move_lpi(0, 1, LPI)
    assert (gic.pending_lpis(0), gic.pending_lpis(1), gic.output(1)) == ({OTHER_LPI}, {LPI}, "irq")
    gic.move_all_lpis(0, 1)
    assert (gic.pending_lpis(0), gic.pending_lpis(1), gic.output(0)) == (set(), {LPI, OTHER_LPI}, "")


def test_the_pending_table_in_memory_is_read_when_lpis_are_enabled(product: ProductGic) -> None:
    """5.1.2: bit n of the table is INTID n; what it holds at EnableLPIs is pending."""
    product.configure_lpi(OTHER_LPI, 0x80, True)
    product.ram[LPI_TABLE_BYTES + OTHER_LPI // 8] = 1 << OTHER_LPI % 8
    product.set_lpis_on(0, True)
    assert acknowledge(product) == OTHER_LPI
    assert product.ram[LPI_TABLE_BYTES + OTHER_LPI // 8] == 0


def test_a_pending_lpi_is_in_the_table_when_lpis_are_disabled(product: ProductGic) -> None:
    product.configure_lpi(LPI, 0x80, True)
    product.set_lpis_on(0, True)
    product.set_lpi(0, LPI, True)
    product.set_lpis_on(0, False)
    assert (product.output(0), product.ram[LPI_TABLE_BYTES + LPI // 8]) == ("", 1)


def test_an_lpi_beyond_the_id_bits_of_propbaser_does_not_exist(product: ProductGic) -> None:
    """GICR_PROPBASER: 14 bits end at 16383."""
    product.redist_write(0, GICR_PROPBASER, RAM_BASE | 13, 8)
    product.redist_write(0, GICR_PENDBASER, RAM_BASE + LPI_TABLE_BYTES, 8)
    product.redist_write(0, GICR_CTLR, 1)
    for intid in (16383, 16384, 65535):
        product.configure_lpi(intid, 0x80, True)
        product.set_lpi(0, intid, True)
    assert product.pending_lpis(0) == {16383}


@pytest.mark.parametrize("base", [0, RAM_BASE - 0x10000, RAM_BASE + 4 * LPI_TABLE_BYTES, 0xF_FFFF_FFFF_0000])
def test_tables_outside_ram_hold_no_lpi(product: ProductGic, base: int) -> None:
    product.redist_write(0, GICR_PROPBASER, base | 15, 8)
    product.redist_write(0, GICR_PENDBASER, base, 8)
    product.redist_write(0, GICR_CTLR, 1)
    product.set_lpi(0, LPI, True)
    assert (product.pending_lpis(0), product.output(0)) == (set(), "")


def test_the_tables_cannot_be_moved_while_lpis_are_enabled(product: ProductGic) -> None:
    product.set_lpis_on(0, True)
    before = product.redist_read(0, GICR_PENDBASER, 8)
    product.redist_write(0, GICR_PENDBASER, 0, 8)
    assert product.redist_read(0, GICR_PENDBASER, 8) == before
    assert product.take_errors() == [(RESERVED, GICR_PENDBASER)]


def test_propbaser_and_pendbaser_are_written_in_halves_too(product: ProductGic) -> None:
    product.redist_write(0, GICR_PROPBASER + 4, 0x1)
    product.redist_write(0, GICR_PROPBASER, 0x4000_000F)
    product.redist_write(0, GICR_PENDBASER, 0x4001_0000 | 1 << 62, 8)
    assert product.redist_read(0, GICR_PROPBASER, 8) == 0x1_4000_000F
    assert product.redist_read(0, GICR_PENDBASER, 8) == 0x4001_0000
