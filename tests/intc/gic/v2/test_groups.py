"""Rule 24: groups, and two Security states; by hand from Arm IHI0048B."""

from __future__ import annotations

import pytest
from models.gic import EOI_ORDER, GROUP0, GROUP1, NONE, OTHER_GROUP

from intc.gic.product_gic import (
    GICC_APR0,
    GICC_BPR,
    GICC_CTLR,
    GICC_HPPIR,
    GICC_IAR,
    GICC_NSAPR0,
    GICC_RPR,
    GICD_CTLR,
    GICD_TYPER,
    IGROUPR,
    IPRIORITYR,
    ISENABLER,
    AnyGic,
    ProductGic,
    is_active,
    is_pending,
    start,
)
from intc.gic.v2.given import ALIAS, OTHER_SPI, PLAIN, SPI, acknowledge, prepare

# ---- 24: groups ----


def test_nothing_is_forwarded_while_the_distributor_disables_the_group(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    gic.set_forwards({GROUP1})
    assert (gic.output(0), gic.hppi(0, PLAIN), is_pending(gic, SPI)) == ("", (NONE, 0), True)
    gic.set_forwards({GROUP0})
    assert gic.output(0) == "irq"


def test_nothing_is_signalled_while_the_cpu_interface_disables_the_group(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    gic.set_signals(0, GROUP0, False)
    assert (gic.output(0), acknowledge(gic)) == ("", NONE)


def test_group_0_is_an_irq_until_fiqen_makes_it_a_fiq(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    assert gic.output(0) == "irq"
    gic.set_group0_is_fiq(0, True)
    assert gic.output(0) == "fiq"


def test_group_1_is_an_irq_whatever_fiqen_says(gic: AnyGic) -> None:
    prepare(gic, SPI, group=GROUP1)
    gic.set_group0_is_fiq(0, True)
    gic.set_line(0, SPI, True)
    assert gic.output(0) == "irq"


def test_iar_reads_1022_for_group_1_without_ackctl(gic: AnyGic) -> None:
    """4.4.4: and changes nothing."""
    prepare(gic, SPI, group=GROUP1)
    gic.set_line(0, SPI, True)
    assert (acknowledge(gic), gic.hppi(0, PLAIN)) == (OTHER_GROUP, (OTHER_GROUP, 0))
    assert (is_active(gic, SPI), gic.output(0)) == (False, "irq")
    gic.set_ack_both(0, True)
    assert acknowledge(gic) == SPI


def test_iar_reads_1023_for_a_group_1_interrupt_that_is_masked(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80, GROUP1)
    gic.set_line(0, SPI, True)
    gic.set_pmr(0, 0x80)
    assert acknowledge(gic) == NONE


def test_aiar_and_aeoir_serve_group_1(gic: AnyGic) -> None:
    """4.4.9-10."""
    prepare(gic, SPI, group=GROUP1)
    gic.set_line(0, SPI, True)
    assert (gic.hppi(0, ALIAS), gic.acknowledge(0, ALIAS)) == ((SPI, 0), (SPI, 0))
    gic.end(0, ALIAS, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (False, [])


def test_aiar_reads_1023_for_group_0(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    assert (gic.acknowledge(0, ALIAS), gic.output(0)) == ((NONE, 0), "irq")


def test_aeoir_does_not_end_a_group_0_interrupt(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, ALIAS, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (True, [(EOI_ORDER, SPI)])


def test_group_0_preempts_group_1_and_both_have_active_priorities(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80, GROUP1)
    prepare(gic, OTHER_SPI, 0x40, GROUP0)
    gic.set_group0_is_fiq(0, True)
    gic.set_line(0, SPI, True)
    gic.acknowledge(0, ALIAS)
    gic.set_line(0, OTHER_SPI, True)
    assert (gic.output(0), acknowledge(gic), gic.running_priority(0)) == ("fiq", OTHER_SPI, 0x40)
    gic.end(0, PLAIN, OTHER_SPI)
    gic.set_line(0, OTHER_SPI, False)
    assert gic.running_priority(0) == 0x80


@pytest.mark.parametrize("common, preempts", [(False, True), (True, False)])
def test_cbpr_puts_group_1_under_the_binary_point_of_group_0(gic: AnyGic, common: bool, preempts: bool) -> None:
    """4.4.1: BPR 5 keeps bits [7:6], in which 80h and A0h are equal; ABPR 5 keeps [7:5], in which they are not."""
    gic.set_bpr(0, PLAIN, 5)
    gic.set_bpr(0, ALIAS, 5)
    gic.set_common_bpr(0, common)
    prepare(gic, SPI, 0xA0, GROUP1)
    prepare(gic, OTHER_SPI, 0x80, GROUP1)
    gic.set_line(0, SPI, True)
    gic.acknowledge(0, ALIAS)
    gic.set_line(0, OTHER_SPI, True)
    assert gic.output(0) == ("irq" if preempts else "")


# ---- 24: two Security states ----


def test_non_secure_software_sees_no_group_0_interrupt(secure_gic: AnyGic) -> None:
    prepare(secure_gic, SPI, 0x40, GROUP0)
    secure_gic.set_line(0, SPI, True)
    secure_gic.set_nonsecure(0, True)
    assert (acknowledge(secure_gic), secure_gic.hppi(0, PLAIN)) == (NONE, (NONE, 0))
    secure_gic.set_enabled(0, SPI, False)
    secure_gic.set_pending(0, SPI, False)
    assert SPI in secure_gic.intids(0, "enabled")


def test_non_secure_priorities_are_the_lower_half(secure_gic: AnyGic) -> None:
    """4.3.11: written 40h is A0h to the Secure side; the mask and the running priority are seen so as well."""
    prepare(secure_gic, SPI, 0, GROUP1)
    secure_gic.set_nonsecure(0, True)
    secure_gic.set_priority(0, SPI, 0x40)
    secure_gic.set_line(0, SPI, True)
    assert acknowledge(secure_gic) == SPI
    assert secure_gic.running_priority(0) == 0x40
    secure_gic.set_nonsecure(0, False)
    assert secure_gic.running_priority(0) == 0xA0


def test_a_secure_mask_cannot_be_lifted_by_non_secure_software(secure_gic: AnyGic) -> None:
    secure_gic.set_pmr(0, 0x70)
    secure_gic.set_nonsecure(0, True)
    secure_gic.set_pmr(0, 0xFF)
    assert secure_gic.pmr(0) == 0
    secure_gic.set_nonsecure(0, False)
    assert secure_gic.pmr(0) == 0x70


def test_a_non_secure_sgi_reaches_group_1_only(secure_gic: AnyGic) -> None:
    secure_gic.set_group(0, 4, GROUP1)
    secure_gic.set_nonsecure(1, True)
    for intid in (4, 5):
        secure_gic.send_old_sgi(1, intid, {0}, False)
    assert secure_gic.intids(0, "pending") == {4}


@pytest.mark.parametrize("group1, reached", [(False, {5}), (True, {4})])
def test_nsatt_chooses_the_group_that_a_secure_sgi_is_for(secure_gic: AnyGic, group1: bool, reached: set[int]) -> None:
    secure_gic.set_group(0, 4, GROUP1)
    for intid in (4, 5):
        secure_gic.send_old_sgi(1, intid, {0}, group1)
    assert secure_gic.intids(0, "pending") == reached


def test_the_non_secure_register_views_show_group_1_only() -> None:
    gic = ProductGic(2, 1, True)
    start(gic, 1)
    gic.dist_write(0, IGROUPR + 4, 0x2)
    gic.dist_write(0, ISENABLER + 4, 0x3)
    gic.dist_write(0, IPRIORITYR + 32, 0xA0A0)
    gic.cpu_write(0, GICC_CTLR, 0x40B)
    gic.set_nonsecure(0, True)
    assert gic.dist_read(0, GICD_CTLR) == 1
    assert gic.dist_read(0, GICD_TYPER) == 8 | 1 << 10
    assert (gic.dist_read(0, IGROUPR + 4), gic.dist_read(0, ISENABLER + 4)) == (0, 0x2)
    assert gic.dist_read(0, IPRIORITYR + 32) == 0x4000
    assert gic.cpu_read(0, GICC_CTLR) == 0x201
    assert gic.cpu_read(0, GICC_BPR[0]) == 3
    assert [gic.cpu_read(0, offset) for offset in (GICC_BPR[1], GICC_IAR[1], GICC_HPPIR[1])] == [0, 0, 0]
    gic.dist_write(0, GICD_CTLR, 0)
    gic.cpu_write(0, GICC_CTLR, 0)
    gic.set_nonsecure(0, False)
    assert (gic.dist_read(0, GICD_CTLR), gic.cpu_read(0, GICC_CTLR)) == (1, 0x009)


def test_non_secure_active_priorities_are_the_upper_half_of_the_levels() -> None:
    gic = ProductGic(2, 1, True)
    start(gic, 1)
    gic.set_nonsecure(0, True)
    gic.cpu_write(0, GICC_APR0, 1 << 4)
    assert (gic.cpu_read(0, GICC_APR0), gic.cpu_read(0, GICC_RPR)) == (1 << 4, 0x40)
    gic.set_nonsecure(0, False)
    assert (gic.cpu_read(0, GICC_NSAPR0), gic.cpu_read(0, GICC_RPR)) == (1 << 20, 0xA0)
