"""Rules 20 to 24 for GICv2, one claim a test, worked out by hand from Arm IHI0048B.

Claims about interrupts are asked of the product and of the model in models/gic.py, about registers of the product.
`start` leaves everything forwarded, signalled and unmasked; interrupts are in group 0 and of priority 0 until told.
"""

from __future__ import annotations

import pytest
from models.gic import (
    DEACTIVATE,
    EOI_NOTHING,
    EOI_ORDER,
    GROUP0,
    GROUP1,
    NONE,
    OTHER_GROUP,
    SGI_TARGET,
    Gic,
)

from vmm.core.native import check, lib
from vmm.errors import VmmError

from .product_gic import (
    CPENDSGIR,
    GICC_APR0,
    GICC_BPR,
    GICC_CTLR,
    GICC_EOIR,
    GICC_HPPIR,
    GICC_IAR,
    GICC_NSAPR0,
    GICC_PMR,
    GICC_RPR,
    GICD_CTLR,
    GICD_SGIR,
    GICD_TYPER,
    ICACTIVER,
    ICENABLER,
    ICFGR,
    ICPENDR,
    IGROUPR,
    IPRIORITYR,
    ISACTIVER,
    ISENABLER,
    ISPENDR,
    ITARGETSR,
    RESERVED,
    SPENDSGIR,
    AnyGic,
    ProductGic,
    is_active,
    is_pending,
    start,
)

PPI, SPI, OTHER_SPI = 27, 33, 40
PLAIN, ALIAS = 0, 1
LAST_SPI = 287


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def gic(request: pytest.FixtureRequest) -> AnyGic:
    face: AnyGic = request.param(2, 2)
    start(face, 2)
    return face


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def secure_gic(request: pytest.FixtureRequest) -> AnyGic:
    """Two Security states; both CPUs are Secure."""
    face: AnyGic = request.param(2, 2, True)
    start(face, 2)
    return face


@pytest.fixture
def product() -> ProductGic:
    face = ProductGic(2, 2)
    start(face, 2)
    return face


def prepare(gic: AnyGic, intid: int, priority: int = 0xA0, group: int = GROUP0, cpu: int = 0) -> None:
    gic.set_group(cpu, intid, group)
    gic.set_priority(cpu, intid, priority)
    gic.set_enabled(cpu, intid, True)
    gic.set_route(cpu, intid, {cpu})


def acknowledge(gic: AnyGic, cpu: int = 0) -> int:
    return gic.acknowledge(cpu, PLAIN)[0]


# ---- 20: pending and active ----


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


# ---- 21: priority ----


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


# ---- 22: end of interrupt ----


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


# ---- 23: SGIs ----


def test_an_sgi_tells_which_cpu_sent_it(gic: AnyGic) -> None:
    """4.4.4: IAR[12:10]."""
    prepare(gic, 5)
    gic.send_old_sgi(1, 5, {0}, False)
    assert (gic.hppi(0, PLAIN), gic.acknowledge(0, PLAIN)) == ((5, 1), (5, 1))


def test_one_sgi_pends_once_for_each_cpu_that_sent_it(gic: AnyGic) -> None:
    prepare(gic, 5)
    for sender in (1, 0, 1):
        gic.send_old_sgi(sender, 5, {0}, False)
    assert gic.acknowledge(0, PLAIN) == (5, 0)
    assert (is_pending(gic, 5), is_active(gic, 5), gic.output(0)) == (True, True, "")
    gic.end(0, PLAIN, 5, 0)
    assert gic.acknowledge(0, PLAIN) == (5, 1)
    gic.end(0, PLAIN, 5, 1)
    assert (gic.acknowledge(0, PLAIN), gic.take_errors()) == ((NONE, 0), [])


def test_an_sgi_ended_for_the_wrong_sender_is_reported(gic: AnyGic) -> None:
    prepare(gic, 5)
    gic.send_old_sgi(1, 5, {0}, False)
    gic.acknowledge(0, PLAIN)
    gic.end(0, PLAIN, 5, 0)
    assert [fault for fault, _ in gic.take_errors()] == [EOI_ORDER]
    assert (is_active(gic, 5), gic.running_priority(0)) == (False, 0xFF)


def test_an_sgi_to_an_absent_cpu_is_reported_and_reaches_the_others(gic: AnyGic) -> None:
    prepare(gic, 5)
    gic.send_old_sgi(0, 5, {0, 6}, False)
    assert (is_pending(gic, 5), gic.take_errors()) == (True, [(SGI_TARGET, 5)])


def test_cpendsgir_takes_away_one_sender_and_spendsgir_adds_one(gic: AnyGic) -> None:
    """4.3.16-17: a byte an SGI, a bit a sender; bits of absent CPUs are RAZ/WI."""
    prepare(gic, 5)
    gic.set_sources(0, 5, {0, 1, 7}, True)
    gic.set_sources(0, 5, {0}, False)
    assert gic.acknowledge(0, PLAIN) == (5, 1)
    gic.end(0, PLAIN, 5, 1)
    assert not is_pending(gic, 5)


@pytest.mark.parametrize("filter_field, reached", [(1, {0, 2, 3}), (2, {1})])
def test_the_filter_of_sgir_means_the_others_or_oneself(filter_field: int, reached: set[int]) -> None:
    """4.3.15: TargetListFilter 1: all but the sender; 2: the sender; the list counts for neither."""
    gic = ProductGic(2, 4)
    gic.dist_write(1, GICD_SGIR, filter_field << 24 | 0xFF << 16 | 3)
    assert {cpu for cpu in range(4) if is_pending(gic, 3, cpu)} == reached
    assert gic.take_errors() == []


def test_the_reserved_filter_of_sgir_is_reported(product: ProductGic) -> None:
    product.dist_write(0, GICD_SGIR, 3 << 24 | 0xFF << 16 | 3)
    assert (product.intids(0, "pending"), product.take_errors()) == (set(), [(RESERVED, GICD_SGIR)])


def test_sgi_pending_bits_are_read_only_in_ispendr_and_icpendr(product: ProductGic) -> None:
    product.dist_write(0, ISPENDR, 0xFFFF)
    assert product.dist_read(0, ISPENDR) == 0
    product.send_old_sgi(0, 2, {0})
    product.dist_write(0, ICPENDR, 0xFFFF)
    assert product.dist_read(0, ISPENDR) == 1 << 2


def test_spendsgir_and_cpendsgir_read_the_senders_of_four_sgis(product: ProductGic) -> None:
    product.dist_write(0, SPENDSGIR + 4, 0x03000001)
    for register in (SPENDSGIR, CPENDSGIR):
        assert product.dist_read(0, register + 4) == 0x03000001
        assert product.dist_read(0, register + 7, 1) == 0x03
    assert product.dist_read(0, ISPENDR) == 1 << 4 | 1 << 7


def test_sgis_are_always_enabled_and_edge_triggered(product: ProductGic) -> None:
    """As GIC-400: ISENABLER0[15:0] and ICFGR0 cannot be changed."""
    product.dist_write(0, ICENABLER, 0xFFFFFFFF)
    product.dist_write(0, ICFGR, 0)
    assert (product.dist_read(0, ISENABLER), product.dist_read(0, ICFGR)) == (0xFFFF, 0xAAAAAAAA)


# ---- 23: registers ----


@pytest.mark.parametrize("cpus", [1, 3, 4, 8])
def test_typer_tells_cpus_and_interrupts(cpus: int) -> None:
    """4.3.2: ITLinesNumber 8 is 288 INTIDs; CPUNumber is one less than there are; one Security state."""
    assert ProductGic(2, cpus).dist_read(0, GICD_TYPER) == 8 | (cpus - 1) << 5


def test_the_identification_says_arm_and_version_2(product: ProductGic) -> None:
    """4.3.3, 4.3.18, 4.4.14."""
    assert product.dist_read(0, 0x008) & 0xFFF == 0x43B
    assert product.dist_read(0, 0xFE8) >> 4 == 2
    assert product.cpu_read(0, 0xFC) & 0xF0FFF == 0x2043B


@pytest.mark.parametrize("offset", [GICD_TYPER, 0x008, 0xFE8])
def test_identification_is_read_only(product: ProductGic, offset: int) -> None:
    before = product.dist_read(0, offset)
    for pattern in (0xFFFFFFFF, 0xA5A55A5A, 0):
        product.dist_write(0, offset, pattern)
        assert product.dist_read(0, offset) == before


@pytest.mark.parametrize("raz", [False, True])
def test_a_uniprocessor_gets_every_spi_whatever_its_targets_say(raz: bool) -> None:
    """4.3.12: all interrupts target the one processor."""
    gic = ProductGic(2, 1)
    lib.vmm_gic_of(gic.machine).raz_targets = raz
    start(gic, 1)
    gic.set_enabled(0, LAST_SPI, True)
    gic.set_line(0, LAST_SPI, True)
    assert acknowledge(gic) == LAST_SPI
    assert gic.view.dist.targets(LAST_SPI) == {0}


def test_a_uniprocessor_may_have_targets_that_are_raz_wi() -> None:
    """4.3.12, and what QEMU does; the default keeps the bit, as KVM does."""
    gic = ProductGic(2, 1)
    lib.vmm_gic_of(gic.machine).raz_targets = True
    lib.vmm_gic_reset(gic.machine)
    gic.dist_write(0, ITARGETSR + 32, 0xFFFFFFFF)
    assert (gic.dist_read(0, ITARGETSR), gic.dist_read(0, ITARGETSR + 32)) == (0, 0)


@pytest.mark.parametrize("cpus, kept", [(1, 0x01010001), (2, 0x01030203), (3, 0x01030207), (4, 0x0103020F)])
def test_targets_keep_the_bits_of_cpus_that_exist(cpus: int, kept: int) -> None:
    gic = ProductGic(2, cpus)
    gic.dist_write(0, ITARGETSR + 32, 0x0103020F)
    assert gic.dist_read(0, ITARGETSR + 32) == kept
    gic.dist_write(0, ITARGETSR + 32, 0xFFFFFFFF)
    assert gic.dist_read(0, ITARGETSR + 32) == ((1 << cpus) - 1) * 0x01010101


def test_the_targets_of_private_interrupts_are_the_reader_itself() -> None:
    gic = ProductGic(2, 4)
    gic.dist_write(2, ITARGETSR, 0)
    assert [gic.dist_read(cpu, ITARGETSR + 28) for cpu in (0, 2)] == [0x01010101, 0x04040404]


def test_targets_are_byte_accessible() -> None:
    gic = ProductGic(2, 4)
    gic.dist_write(0, ITARGETSR + 32, 0x0103020F)
    assert gic.dist_read(0, ITARGETSR + 33, 1) == 0x02
    gic.dist_write(0, ITARGETSR + 34, 0x1F, 1)
    assert gic.dist_read(0, ITARGETSR + 32) == 0x010F020F


def test_priorities_have_five_bits_and_are_byte_accessible(product: ProductGic) -> None:
    product.dist_write(0, IPRIORITYR + 32, 0xFFFFFFFF)
    assert product.dist_read(0, IPRIORITYR + 32) == 0xF8F8F8F8
    product.dist_write(0, IPRIORITYR + 32, 0xFF7FBF3F)
    assert product.dist_read(0, IPRIORITYR + 32) == 0xF878B838
    assert product.dist_read(0, IPRIORITYR + 33, 1) == 0xB8
    product.dist_write(0, IPRIORITYR + 34, 0x1F, 1)
    assert product.dist_read(0, IPRIORITYR + 32) == 0xF818B838


@pytest.mark.parametrize("register", [IPRIORITYR, ITARGETSR])
def test_what_lies_beyond_the_last_interrupt_is_raz_wi(register: int) -> None:
    gic = ProductGic(2, 4)
    gic.dist_write(0, register + 284, 0x08080808)
    assert gic.dist_read(0, register + 284) == 0x08080808
    gic.dist_write(0, register + 288, 0xFFFFFFFF)
    assert (gic.dist_read(0, register + 288), gic.take_errors()) == (0, [])


@pytest.mark.parametrize(
    "offset, size",
    [(ISENABLER, 1), (ISENABLER, 2), (ISENABLER, 8), (IPRIORITYR, 2), (IPRIORITYR, 8), (ICFGR + 1, 1), (GICD_CTLR, 1),
     (GICD_SGIR, 2), (0xD00, 4), (0x014, 4), (0xF40, 4), (IPRIORITYR + 2, 4), (0x6100, 8), (0xFFFC, 4)],
)  # fmt: skip
def test_reserved_registers_and_widths_are_raz_wi_and_reported(product: ProductGic, offset: int, size: int) -> None:
    """4.1.4: words everywhere, bytes for priorities, targets and SGI pending bits only."""
    product.dist_write(0, offset, 0xFFFF_FFFF_FFFF_FFFF, size)
    assert product.dist_read(0, offset, size) == 0
    assert product.take_errors() == [(RESERVED, offset)] * 2


@pytest.mark.parametrize("offset, size", [(0x2C, 4), (GICC_PMR, 1), (GICC_IAR[0], 8), (0x1004, 4), (0xFFFC, 4)])
def test_the_cpu_interface_reports_reserved_accesses(product: ProductGic, offset: int, size: int) -> None:
    product.cpu_write(0, offset, 0, size)
    assert product.cpu_read(0, offset, size) == 0
    assert product.take_errors() == [(RESERVED, offset)] * 2
    assert product.pmr(0) == 0xF8


def test_set_and_clear_registers_read_the_same(product: ProductGic) -> None:
    product.dist_write(0, ISENABLER + 4, 0x30)
    product.dist_write(0, ICENABLER + 4, 0x20)
    product.dist_write(0, ISPENDR + 4, 0x50)
    product.dist_write(0, ICPENDR + 4, 0x40)
    product.dist_write(0, ISACTIVER + 4, 0x90)
    product.dist_write(0, ICACTIVER + 4, 0x80)
    for register in (ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER):
        assert product.dist_read(0, register + 4) == 0x10


def test_the_configuration_has_two_bits_an_interrupt_of_which_the_upper_counts(product: ProductGic) -> None:
    product.dist_write(0, ICFGR + 8, 0xFFFF0001)
    assert product.dist_read(0, ICFGR + 8) == 0xAAAA0000
    assert product.intids(0, "edge_triggered") == {*range(16), *range(40, 48)}


def test_the_binary_point_cannot_be_less_than_the_priorities_allow(product: ProductGic) -> None:
    """3.3.3, 4.4.3: five bits of priority need BPR 2; ABPR is one more."""
    for register in (PLAIN, ALIAS):
        product.set_bpr(0, register, 0)
    assert (product.bpr(0, PLAIN), product.bpr(0, ALIAS)) == (2, 3)


def test_active_priorities_show_one_bit_a_level(product: ProductGic) -> None:
    """4.4.12: level n is priority 8n."""
    prepare(product, SPI, 0x50)
    prepare(product, OTHER_SPI, 0x20, GROUP1)
    product.set_ack_both(0, True)
    for intid in (SPI, OTHER_SPI):
        product.set_line(0, intid, True)
        acknowledge(product)
    assert product.cpu_read(0, GICC_APR0) == 1 << 10
    assert product.cpu_read(0, GICC_NSAPR0) == 1 << 4
    assert product.cpu_read(0, GICC_APR0 + 4) == product.cpu_read(0, GICC_NSAPR0 + 12) == 0


def test_reset_forgets_everything_but_the_lines(product: ProductGic) -> None:
    prepare(product, SPI)
    product.set_line(0, SPI, True)
    acknowledge(product)
    lib.vmm_gic_reset(product.machine)
    assert (product.intids(0, "active"), product.intids(0, "pending")) == (set(), {SPI})
    assert (product.output(0), product.pmr(0), product.dist_read(0, GICD_CTLR)) == ("", 0, 0)


@pytest.mark.parametrize(
    "version, cpus, line",
    [(1, 1, "no GIC version 1: 2 and 3 are known"), (2, 9, "a GIC for 9 vCPUs: 1 to 8 are possible")],
)
def test_what_cannot_be_built_is_refused_in_one_line(version: int, cpus: int, line: str) -> None:
    machine = ProductGic(2, 1).machine
    with pytest.raises(VmmError, match=line):
        check(machine, lib.vmm_gic_init(machine, version, cpus, False))


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


# ---- the path of an interrupt is recorded ----


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
