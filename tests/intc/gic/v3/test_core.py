"""Rules 20 to 22 by GICv3's registers; by hand from Arm IHI0069."""

from __future__ import annotations

import pytest
from models.gic import DEACTIVATE, EOI_NOTHING, EOI_ORDER, GROUP0, GROUP1, NONE

from intc.gic.product_gic import AnyGic, ProductGic, is_active, is_pending
from intc.gic.v3.given import OTHER_SPI, PPI, SPI, acknowledge, prepare


def test_a_level_goes_through_pending_active_and_end(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    assert (gic.output(0), gic.hppi(0, 1), acknowledge(gic)) == ("irq", (SPI, 0), SPI)
    assert (is_pending(gic, SPI), is_active(gic, SPI), gic.running_priority(0)) == (True, True, 0xA0)
    gic.set_line(0, SPI, False)
    gic.end(0, 1, SPI)
    assert (is_pending(gic, SPI), is_active(gic, SPI), gic.running_priority(0)) == (False, False, 0xFF)


def test_icpendr_cannot_clear_an_asserted_private_level(gic: AnyGic) -> None:
    prepare(gic, PPI)
    gic.set_line(0, PPI, True)
    gic.set_pending(0, PPI, False)
    assert acknowledge(gic) == PPI


def test_pending_survives_disable_of_the_interrupt_and_of_its_group(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_pending(0, SPI, True)
    gic.set_signals(0, GROUP1, False)
    gic.set_enabled(0, SPI, False)
    assert (is_pending(gic, SPI), gic.output(0), acknowledge(gic)) == (True, "", NONE)
    gic.set_signals(0, GROUP1, True)
    gic.set_enabled(0, SPI, True)
    assert acknowledge(gic) == SPI


def test_the_mask_lets_only_strictly_higher_priorities_through(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80)
    gic.set_line(0, SPI, True)
    gic.set_pmr(0, 0x80)
    assert (gic.output(0), acknowledge(gic), gic.hppi(0, 1)) == ("", NONE, (SPI, 0))
    gic.set_pmr(0, 0x88)
    assert acknowledge(gic) == SPI


@pytest.mark.parametrize(("point", "preempts"), [(3, True), (5, True), (6, False), (7, False)])
def test_group_1_preempts_by_the_bits_from_its_binary_point_up(gic: AnyGic, point: int, preempts: bool) -> None:
    """4.8.2: BPR1 n leaves bits [7:n]; 80h and A0h differ in bit 5."""
    prepare(gic, SPI, 0xA0)
    prepare(gic, OTHER_SPI, 0x80)
    gic.set_bpr(0, 1, point)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_line(0, OTHER_SPI, True)
    assert gic.output(0) == ("irq" if preempts else "")


def test_cbpr_makes_bpr1_show_one_more_than_bpr0_and_ignore_writes(gic: AnyGic) -> None:
    gic.set_bpr(0, 0, 4)
    gic.set_common_bpr(0, True)
    gic.set_bpr(0, 1, 7)
    assert gic.bpr(0, 1) == 5
    gic.set_bpr(0, 0, 7)
    assert gic.bpr(0, 1) == 7


def test_with_eoimode_dir_deactivates(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_split(0, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, 1, SPI)
    assert (gic.running_priority(0), is_active(gic, SPI)) == (0xFF, True)
    gic.deactivate(0, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (False, [])


def test_another_cpu_may_deactivate_a_shared_interrupt(gic: AnyGic) -> None:
    """4.1: deactivation need not come from the CPU that acknowledged."""
    prepare(gic, SPI)
    for cpu in (0, 1):
        gic.set_split(cpu, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, 1, SPI)
    gic.deactivate(1, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (False, [])


def test_ends_that_match_nothing_are_reported_and_ignored(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.end(0, 1, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, 1, OTHER_SPI)
    gic.deactivate(0, SPI)
    gic.end(0, 0, SPI)
    assert gic.take_errors() == [(EOI_NOTHING, SPI), (EOI_NOTHING, OTHER_SPI), (DEACTIVATE, SPI), (EOI_ORDER, SPI)]
    assert (is_active(gic, SPI), gic.running_priority(0)) == (True, 0xA0)


def test_special_intids_are_never_active(gic: AnyGic) -> None:
    assert acknowledge(gic) == NONE
    gic.end(0, 1, NONE)
    assert (gic.intids(0, "active"), gic.running_priority(0), gic.take_errors()) == (set(), 0xFF, [])


def test_active_priorities_are_kept_by_group(product: ProductGic) -> None:
    prepare(product, SPI, 0x80, GROUP1)
    prepare(product, OTHER_SPI, 0x40, GROUP0)
    for intid, register in ((SPI, 1), (OTHER_SPI, 0)):
        product.set_line(0, intid, True)
        assert acknowledge(product, register=register) == intid
    assert (product.icc_read(0, "AP1R0"), product.icc_read(0, "AP0R0")) == (1 << 16, 1 << 8)
    product.end(0, 0, OTHER_SPI)
    assert (product.icc_read(0, "AP1R0"), product.icc_read(0, "AP0R0")) == (1 << 16, 0)


def test_the_binary_points_start_at_their_least_values(product: ProductGic) -> None:
    assert (product.bpr(0, 0), product.bpr(0, 1)) == (2, 3)
    for register in (0, 1):
        product.set_bpr(0, register, 0)
    assert (product.bpr(0, 0), product.bpr(0, 1)) == (2, 3)


def test_the_control_register_tells_five_priority_bits_and_sixteen_id_bits(product: ProductGic) -> None:
    """ICC_CTLR: PRIbits [10:8] is 4, IDbits [13:11] is 0, RSS is bit 18; CBPR, EOImode and PMHE can be written."""
    assert product.icc_read(0, "CTLR") == 4 << 8 | 1 << 18
    product.icc_write(0, "CTLR", 0xFFFFFFFF)
    assert product.icc_read(0, "CTLR") == 4 << 8 | 1 << 18 | 0x43
    assert product.icc_read(0, "SRE") == 7
