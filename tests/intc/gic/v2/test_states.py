"""Rule 20: pending and active, by hand from Arm IHI0048B."""

from __future__ import annotations

from models.gic import NONE

from intc.gic.product_gic import AnyGic, is_active, is_pending
from intc.gic.v2.given import PLAIN, PPI, SPI, acknowledge, prepare


def test_a_level_is_pending_as_long_as_its_line_is_asserted(gic: AnyGic) -> None:
    """1.4.2: the state of a level-sensitive interrupt follows its input."""
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    assert (is_pending(gic, SPI), gic.output(0)) == (True, "irq")
    gic.set_line(0, SPI, False)
    assert (is_pending(gic, SPI), gic.output(0)) == (False, "")


def test_an_edge_stays_pending_after_its_line_fell(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    gic.set_line(0, SPI, False)
    assert (is_pending(gic, SPI), acknowledge(gic)) == (True, SPI)


def test_a_line_that_stays_high_is_one_edge(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    assert acknowledge(gic) == SPI
    gic.set_line(0, SPI, True)
    gic.end(0, PLAIN, SPI)
    assert (is_pending(gic, SPI), gic.output(0)) == (False, "")


def test_edges_before_the_acknowledge_collapse_into_one(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    for level in (True, False, True, False):
        gic.set_line(0, SPI, level)
    assert acknowledge(gic) == SPI
    gic.end(0, PLAIN, SPI)
    assert acknowledge(gic) == NONE


def test_icpendr_cannot_clear_an_asserted_level(gic: AnyGic) -> None:
    """4.3.8: of a level-sensitive interrupt only what ISPENDR made pending is cleared."""
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    gic.set_pending(0, SPI, False)
    assert is_pending(gic, SPI)


def test_icpendr_clears_an_edge_though_its_line_is_high(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    gic.set_pending(0, SPI, False)
    assert not is_pending(gic, SPI)


def test_ispendr_keeps_a_level_pending_when_its_line_falls(gic: AnyGic) -> None:
    """4.3.7: the latch stands beside the line, until it is acknowledged or cleared."""
    prepare(gic, SPI)
    gic.set_pending(0, SPI, True)
    gic.set_line(0, SPI, True)
    gic.set_line(0, SPI, False)
    assert is_pending(gic, SPI)
    assert acknowledge(gic) == SPI
    assert not is_pending(gic, SPI)


def test_a_level_still_asserted_at_the_acknowledge_is_active_and_pending(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    assert acknowledge(gic) == SPI
    assert (is_pending(gic, SPI), is_active(gic, SPI)) == (True, True)
    assert gic.output(0) == ""


def test_active_and_pending_is_signalled_again_after_its_end(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.end(0, PLAIN, SPI)
    assert (is_active(gic, SPI), gic.output(0), acknowledge(gic)) == (False, "irq", SPI)


def test_an_edge_while_active_is_kept_for_after_the_end(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_line(0, SPI, False)
    gic.set_line(0, SPI, True)
    assert (is_pending(gic, SPI), is_active(gic, SPI), acknowledge(gic)) == (True, True, NONE)
    gic.end(0, PLAIN, SPI)
    assert acknowledge(gic) == SPI


def test_pending_survives_disable_and_is_delivered_on_enable(gic: AnyGic) -> None:
    """4.3.6: disabling stops the forwarding, not the pending state."""
    prepare(gic, SPI)
    gic.set_edge(0, SPI, True)
    gic.set_line(0, SPI, True)
    gic.set_enabled(0, SPI, False)
    assert (is_pending(gic, SPI), gic.output(0), acknowledge(gic)) == (True, "", NONE)
    gic.set_enabled(0, SPI, True)
    assert acknowledge(gic) == SPI


def test_a_disabled_interrupt_becomes_pending_all_the_same(gic: AnyGic) -> None:
    gic.set_line(0, SPI, True)
    assert (is_pending(gic, SPI), gic.output(0)) == (True, "")


def test_disabling_an_active_interrupt_leaves_it_active_until_its_end(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_enabled(0, SPI, False)
    assert is_active(gic, SPI)
    gic.end(0, PLAIN, SPI)
    assert (is_active(gic, SPI), gic.running_priority(0)) == (False, 0xFF)


def test_an_active_interrupt_stays_with_its_cpu_when_it_is_routed_elsewhere(gic: AnyGic) -> None:
    """4.3.12: a new target counts for what is not active yet."""
    prepare(gic, SPI)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_route(0, SPI, {1})
    assert (gic.output(1), acknowledge(gic, 1)) == ("", NONE)
    gic.end(0, PLAIN, SPI)
    assert (gic.output(0), gic.output(1), acknowledge(gic, 1)) == ("", "irq", SPI)


def test_only_one_of_several_targets_gets_a_shared_interrupt(gic: AnyGic) -> None:
    """3.2.3: the 1-N model; who comes second finds nothing."""
    prepare(gic, SPI)
    gic.set_route(0, SPI, {0, 1})
    gic.set_line(0, SPI, True)
    assert (gic.output(0), gic.output(1)) == ("irq", "irq")
    assert acknowledge(gic, 1) == SPI
    assert (gic.output(0), acknowledge(gic, 0)) == ("", NONE)


def test_a_private_interrupt_is_another_on_each_cpu(gic: AnyGic) -> None:
    for cpu in (0, 1):
        prepare(gic, PPI, cpu=cpu)
    gic.set_line(1, PPI, True)
    assert (gic.output(0), gic.output(1)) == ("", "irq")
    assert acknowledge(gic, 1) == PPI
    assert (is_active(gic, PPI, 0), is_active(gic, PPI, 1)) == (False, True)


def test_icactiver_deactivates_without_dropping_the_priority(gic: AnyGic) -> None:
    """4.3.10: the active bit is the distributor's, the running priority the CPU interface's."""
    prepare(gic, SPI, priority=0x40)
    gic.set_line(0, SPI, True)
    acknowledge(gic)
    gic.set_active(0, SPI, False)
    assert (is_active(gic, SPI), gic.running_priority(0), gic.output(0)) == (False, 0x40, "")
    gic.end(0, PLAIN, SPI)
    assert (gic.running_priority(0), gic.take_errors()) == (0xFF, [])


def test_isactiver_holds_an_interrupt_back(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_active(0, SPI, True)
    gic.set_line(0, SPI, True)
    assert (is_pending(gic, SPI), gic.output(0)) == (True, "")
