"""Rule 22: end of interrupt, by hand from Arm IHI0048B."""

from __future__ import annotations

from models.gic import DEACTIVATE, EOI_NOTHING, EOI_ORDER

from intc.gic.product_gic import AnyGic, is_active
from intc.gic.v2.given import OTHER_SPI, PLAIN, SPI, acknowledge, prepare


def test_an_end_with_nothing_active_is_reported_and_ignored(gic: AnyGic) -> None:
    gic.end(0, PLAIN, SPI)
    assert gic.take_errors() == [(EOI_NOTHING, SPI)]


def test_an_end_of_another_interrupt_is_reported_and_ignored(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, PLAIN, OTHER_SPI)
    assert gic.take_errors() == [(EOI_NOTHING, OTHER_SPI)]
    assert (is_active(gic, SPI), gic.running_priority(0)) == (True, 0xA0)


def test_an_end_out_of_order_is_reported_and_ends_the_named_one(gic: AnyGic) -> None:
    prepare(gic, SPI, 0x80)
    prepare(gic, OTHER_SPI, 0x40)
    for intid in (SPI, OTHER_SPI):
        gic.set_edge(0, intid, True)
        gic.set_line(0, intid, True)
        acknowledge(gic)
    gic.end(0, PLAIN, SPI)
    assert gic.take_errors() == [(EOI_ORDER, SPI)]
    assert (is_active(gic, SPI), is_active(gic, OTHER_SPI), gic.running_priority(0)) == (False, True, 0x40)
    gic.end(0, PLAIN, OTHER_SPI)
    assert (gic.running_priority(0), gic.take_errors()) == (0xFF, [])


def test_the_second_end_of_one_interrupt_is_reported(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, PLAIN, SPI)
    gic.end(0, PLAIN, SPI)
    assert gic.take_errors() == [(EOI_NOTHING, SPI)]


def test_another_cpu_cannot_end_an_interrupt(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(1, PLAIN, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (True, [(EOI_NOTHING, SPI)])


def test_with_eoimode_an_end_only_drops_the_priority_and_dir_deactivates(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_split(0, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, PLAIN, SPI)
    assert (gic.running_priority(0), is_active(gic, SPI), gic.output(0)) == (0xFF, True, "")
    gic.deactivate(0, SPI)
    assert (is_active(gic, SPI), gic.output(0), gic.take_errors()) == (False, "irq", [])


def test_after_the_priority_drop_an_equal_priority_is_taken(gic: AnyGic) -> None:
    for intid in (SPI, OTHER_SPI):
        prepare(gic, intid)
    gic.set_split(0, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_line(0, OTHER_SPI, True)
    assert gic.output(0) == ""
    gic.end(0, PLAIN, SPI)
    assert acknowledge(gic) == OTHER_SPI


def test_dir_without_eoimode_is_reported_and_ignored(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.deactivate(0, SPI)
    assert (is_active(gic, SPI), gic.take_errors()) == (True, [(DEACTIVATE, SPI)])


def test_dir_of_an_inactive_interrupt_is_reported(gic: AnyGic) -> None:
    gic.set_split(0, True)
    gic.deactivate(0, SPI)
    assert gic.take_errors() == [(DEACTIVATE, SPI)]
