"""Rule 21: priorities, masks and preemption, by hand from Arm IHI0048B."""

from __future__ import annotations

import pytest
from models.gic import GROUP0, NONE

from intc.gic.product_gic import AnyGic, is_active, is_pending
from intc.gic.v2.given import OTHER_SPI, PLAIN, PPI, SPI, acknowledge, prepare


def test_the_highest_priority_goes_first(gic: AnyGic) -> None:
    for intid, priority in ((SPI, 0x80), (OTHER_SPI, 0x48)):
        prepare(gic, intid, priority)
        gic.set_line(0, intid, True)
    assert acknowledge(gic) == OTHER_SPI


def test_of_equal_priorities_the_lowest_intid_goes_first(gic: AnyGic) -> None:
    for intid in (OTHER_SPI, SPI, PPI):
        prepare(gic, intid)
        gic.set_line(0, intid, True)
    assert acknowledge(gic) == PPI


def test_the_mask_lets_only_strictly_higher_priorities_through(gic: AnyGic) -> None:
    """4.4.2: an interrupt of the mask's own priority is masked."""
    prepare(gic, SPI, 0x80)
    gic.set_line(0, SPI, True)
    gic.set_pmr(0, 0x80)
    assert (gic.output(0), acknowledge(gic)) == ("", NONE)
    gic.set_pmr(0, 0x88)
    assert (gic.output(0), acknowledge(gic)) == ("irq", SPI)


def test_the_highest_pending_register_knows_no_mask_and_no_running_priority(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80)
    gic.set_line(0, SPI, True)
    gic.set_pmr(0, 0)
    assert gic.hppi(0, PLAIN) == (SPI, 0)
    assert is_pending(gic, SPI) and not is_active(gic, SPI)


def test_a_higher_priority_preempts_and_ends_first(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80)
    prepare(gic, OTHER_SPI, 0x40)
    gic.set_edge(0, SPI, True)
    gic.set_edge(0, OTHER_SPI, True)
    gic.set_line(0, SPI, True)
    assert (acknowledge(gic), gic.running_priority(0), gic.output(0)) == (SPI, 0x80, "")
    gic.set_line(0, OTHER_SPI, True)
    assert (gic.output(0), acknowledge(gic), gic.running_priority(0)) == ("irq", OTHER_SPI, 0x40)
    gic.end(0, PLAIN, OTHER_SPI)
    assert gic.running_priority(0) == 0x80
    gic.end(0, PLAIN, SPI)
    assert (gic.running_priority(0), gic.take_errors()) == (0xFF, [])


def test_an_equal_priority_does_not_preempt(gic: AnyGic) -> None:
    for intid in (SPI, OTHER_SPI):
        prepare(gic, intid, 0x80)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_line(0, OTHER_SPI, True)
    assert (gic.output(0), acknowledge(gic)) == ("", NONE)
    gic.set_line(0, SPI, False)
    gic.end(0, PLAIN, SPI)
    assert acknowledge(gic) == OTHER_SPI


@pytest.mark.parametrize(("point", "preempts"), [(2, True), (3, True), (4, True), (5, False), (7, False)])
def test_only_the_bits_above_the_binary_point_preempt(gic: AnyGic, point: int, preempts: bool) -> None:
    """3.3.3: BPR n leaves bits [7:n+1]; 80h and A0h differ in bit 5, and with BPR 5 both are group priority 80h."""
    prepare(gic, SPI, 0xA0)
    prepare(gic, OTHER_SPI, 0x80)
    gic.set_bpr(0, PLAIN, point)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_line(0, OTHER_SPI, True)
    assert gic.output(0) == ("irq" if preempts else "")


def test_the_subpriority_still_orders_what_waits(gic: AnyGic) -> None:
    gic.set_bpr(0, PLAIN, 7)
    for intid, priority in ((SPI, 0xA0), (OTHER_SPI, 0x80)):
        prepare(gic, intid, priority)
        gic.set_line(0, intid, True)
    assert acknowledge(gic) == OTHER_SPI


def test_the_running_priority_is_the_group_priority(gic: AnyGic) -> None:
    """With BPR 4 the group field of 58h (0101 1000) is bits [7:5]: 40h."""
    gic.set_bpr(0, PLAIN, 4)
    prepare(gic, SPI, 0x58)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    assert gic.running_priority(0) == 0x40


def test_a_new_priority_of_an_active_interrupt_does_not_change_the_running_one(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_priority(0, SPI, 0x10)
    assert gic.running_priority(0) == 0x80


def test_nothing_pending_reads_as_1023_and_changes_nothing(gic: AnyGic) -> None:
    assert gic.acknowledge(0, PLAIN) == (NONE, 0)
    assert (gic.intids(0, "active"), gic.running_priority(0)) == (set(), 0xFF)


def test_ending_1023_is_ignored_and_no_error(gic: AnyGic) -> None:
    """4.4.5: the end of a spurious interrupt has no effect."""
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, PLAIN, NONE)
    assert (gic.running_priority(0), gic.take_errors()) == (0xA0, [])


def test_active_priorities_can_be_saved_and_restored(gic: AnyGic) -> None:
    """4.4.12: software puts back an active priority, and any end drops it."""
    gic.set_active_priority(0, GROUP0, 0x40)
    prepare(gic, SPI, 0x80)
    gic.set_line(0, SPI, True)
    assert (gic.running_priority(0), gic.output(0)) == (0x40, "")
    gic.end(0, PLAIN, 50)
    assert (gic.output(0), gic.take_errors()) == ("irq", [])
