"""Rules 20 to 24 for GICv3, one claim a test, worked out by hand from Arm IHI0069.

What GICv2 and GICv3 share is one core; test_gicv2_rules.py has its finer points. Claims about interrupts are asked of
the product and of the model in models/gic.py, claims about registers of the product. `start` wakes every redistributor
and leaves everything forwarded, signalled and unmasked.
"""

from __future__ import annotations

import pytest
from models.gic import (
    ANYONE,
    DEACTIVATE,
    EOI_NOTHING,
    EOI_ORDER,
    GROUP0,
    GROUP1,
    NONE,
    SECURE_GROUP1,
    SGI_TARGET,
    Gic,
)

from vmm.core.native import lib

from .product_gic import (
    GICD_CTLR,
    GICD_TYPER,
    GICR_CTLR,
    GICR_PENDBASER,
    GICR_PROPBASER,
    GICR_SGI_FRAME,
    GICR_TYPER,
    GICR_WAKER,
    ICFGR,
    IGROUPR,
    IGRPMODR,
    IPRIORITYR,
    IROUTER,
    ISENABLER,
    ISPENDR,
    ITARGETSR,
    LPI_TABLE_BYTES,
    RAM_BASE,
    RESERVED,
    AnyGic,
    ProductGic,
    is_active,
    is_pending,
    start,
)

SGI, PPI, SPI, OTHER_SPI = 3, 27, 33, 40
LPI, OTHER_LPI = 8192, 8200


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def gic(request: pytest.FixtureRequest) -> AnyGic:
    face: AnyGic = request.param(3, 3)
    start(face, 3)
    return face


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def secure_gic(request: pytest.FixtureRequest) -> AnyGic:
    """Two Security states; every CPU is Secure, and Non-secure group 1 is signalled too."""
    face: AnyGic = request.param(3, 2, True)
    start(face, 2, {GROUP0, GROUP1, SECURE_GROUP1})
    for cpu in (0, 1):
        face.set_nonsecure(cpu, True)
        face.set_signals(cpu, GROUP1, True)
        face.set_nonsecure(cpu, False)
    return face


@pytest.fixture
def product() -> ProductGic:
    face = ProductGic(3, 3)
    start(face, 3)
    return face


def prepare(gic: AnyGic, intid: int, priority: int = 0xA0, group: int = GROUP1, cpu: int = 0) -> None:
    gic.set_group(cpu, intid, group)
    gic.set_priority(cpu, intid, priority)
    gic.set_enabled(cpu, intid, True)
    if intid >= 32:
        gic.set_route(cpu, intid, {cpu})


def acknowledge(gic: AnyGic, cpu: int = 0, register: int = 1) -> int:
    return gic.acknowledge(cpu, register)[0]


# ---- 20, 21, 22: the core by GICv3's registers ----


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


# ---- 23: SGIs ----


def test_an_sgi_is_one_pending_bit_whoever_sends_it(gic: AnyGic) -> None:
    prepare(gic, SGI, cpu=2)
    for sender in (0, 1):
        gic.send_sgi(sender, "SGI1R", SGI, {2})
    assert gic.acknowledge(2, 1) == (SGI, 0)
    gic.end(2, 1, SGI)
    assert acknowledge(gic, 2) == NONE


def test_sgi1r_reaches_its_target_list(gic: AnyGic) -> None:
    for cpu in range(3):
        prepare(gic, SGI, cpu=cpu)
    gic.send_sgi(1, "SGI1R", SGI, {0, 1})
    assert [gic.output(cpu) for cpu in range(3)] == ["irq", "irq", ""]


@pytest.mark.parametrize("register, reached", [("SGI0R", {4}), ("SGI1R", {5}), ("ASGI1R", {4})])
def test_each_sgi_register_reaches_its_group(gic: AnyGic, register: str, reached: set[int]) -> None:
    for intid, group in ((4, GROUP0), (5, GROUP1)):
        prepare(gic, intid, group=group)
        gic.send_sgi(1, register, intid, {0})
    assert gic.intids(0, "pending") == reached


def test_sgis_are_disabled_until_isenabler_enables_them(gic: AnyGic) -> None:
    gic.set_group(0, SGI, GROUP1)
    gic.send_sgi(0, "SGI1R", SGI, {0})
    assert (is_pending(gic, SGI), gic.output(0)) == (True, "")
    gic.set_enabled(0, SGI, True)
    assert acknowledge(gic) == SGI


def test_an_sgi_to_an_absent_cpu_is_reported(gic: AnyGic) -> None:
    prepare(gic, SGI)
    gic.send_sgi(0, "SGI1R", SGI, {0, 3})
    assert (is_pending(gic, SGI), gic.take_errors()) == (True, [(SGI_TARGET, SGI)])


def test_irm_means_all_others_whatever_the_list_and_the_affinity_say(product: ProductGic) -> None:
    """ICC_SGI1R: IRM is bit 40."""
    for cpu in range(3):
        prepare(product, SGI, cpu=cpu)
    product.icc_write(1, "SGI1R", 1 << 40 | 7 << 16 | SGI << 24 | 0xFFFF)
    assert [is_pending(product, SGI, cpu) for cpu in range(3)] == [True, False, True]
    assert product.take_errors() == []


@pytest.mark.parametrize("field", [1 << 16, 1 << 32, 1 << 48, 1 << 44], ids=["Aff1", "Aff2", "Aff3", "RS"])
def test_an_sgi_to_another_cluster_or_range_reaches_nobody(product: ProductGic, field: int) -> None:
    """All vCPUs have affinity 0.0.0.n with n below 8."""
    prepare(product, SGI)
    product.icc_write(0, "SGI1R", field | SGI << 24 | 1)
    assert (is_pending(product, SGI), product.take_errors()) == (False, [(SGI_TARGET, SGI)])


def test_pending_bits_of_sgis_can_be_set_and_cleared(gic: AnyGic) -> None:
    gic.set_pending(0, SGI, True)
    assert is_pending(gic, SGI)
    gic.set_pending(0, SGI, False)
    assert not is_pending(gic, SGI)


# ---- 23: routes ----


def test_an_spi_goes_to_the_cpu_of_its_affinity(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_route(0, SPI, {2})
    gic.set_line(0, SPI, True)
    assert [gic.output(cpu) for cpu in range(3)] == ["", "", "irq"]


def test_an_spi_to_an_affinity_that_is_not_there_waits(gic: AnyGic) -> None:
    prepare(gic, SPI)
    gic.set_route(0, SPI, set())
    gic.set_line(0, SPI, True)
    assert (is_pending(gic, SPI), [gic.output(cpu) for cpu in range(3)]) == (True, ["", "", ""])


def test_one_of_n_takes_the_first_cpu_that_is_awake_with_its_group_on(gic: AnyGic) -> None:
    """2.3.2: only participating CPUs are chosen from."""
    prepare(gic, SPI)
    gic.set_route(0, SPI, ANYONE)
    gic.set_line(0, SPI, True)
    assert [gic.output(cpu) for cpu in range(3)] == ["irq", "", ""]
    gic.set_awake(0, False)
    assert [gic.output(cpu) for cpu in range(3)] == ["", "irq", ""]
    gic.set_signals(1, GROUP1, False)
    assert [gic.output(cpu) for cpu in range(3)] == ["", "", "irq"]


def test_irouter_keeps_irm_and_three_affinity_levels(product: ProductGic) -> None:
    at = IROUTER + 8 * SPI
    product.dist_write(0, at, 0xFFFF_FFFF_FFFF_FFFF, 8)
    assert product.dist_read(0, at, 8) == 0x80FFFFFF
    product.dist_write(0, at, 0x00000002)
    assert (product.dist_read(0, at), product.dist_read(0, at + 4)) == (2, 0)
    assert product.view.dist.targets(SPI) == {2}


# ---- 23: the distributor's registers ----


def test_affinity_routing_is_always_on_with_one_security_state(product: ProductGic) -> None:
    """GICD_CTLR: DS and ARE are RAO/WI, RWP never waits."""
    assert product.dist_read(0, GICD_CTLR) == 0x53
    product.dist_write(0, GICD_CTLR, 0)
    assert product.dist_read(0, GICD_CTLR) == 0x50


def test_typer_tells_the_interrupts_lpis_and_id_bits(product: ProductGic) -> None:
    """GICD_TYPER: ITLinesNumber 8, LPIS, IDbits 15 of a field that is one less, RSS; no SPI is without 1 of N."""
    assert product.dist_read(0, GICD_TYPER) == 8 | 1 << 17 | 15 << 19 | 1 << 26


def test_the_identification_says_arm_and_version_3(product: ProductGic) -> None:
    assert product.dist_read(0, 0x008) & 0xFFF == 0x43B
    assert product.dist_read(0, 0xFFE8) >> 4 == 3
    assert product.redist_read(1, 0xFFE8) >> 4 == 3


@pytest.mark.parametrize("offset", [IGROUPR, ISENABLER, ISPENDR, IPRIORITYR, ICFGR, ITARGETSR + 32])
def test_the_distributor_has_nothing_of_private_interrupts_and_no_targets(product: ProductGic, offset: int) -> None:
    product.dist_write(0, offset, 0xFFFFFFFF)
    assert product.dist_read(0, offset) == 0


def test_without_two_security_states_there_is_no_group_modifier(product: ProductGic) -> None:
    product.dist_write(0, IGRPMODR + 4, 0xFFFFFFFF)
    assert product.dist_read(0, IGRPMODR + 4) == 0


@pytest.mark.parametrize("offset, size", [(0xF00, 4), (0xF20, 4), (IROUTER, 8), (IROUTER + 8 * 288, 8),
                                          (IROUTER + 8 * SPI, 2), (ISENABLER + 4, 8), (0x040, 4)])  # fmt: skip
def test_reserved_registers_and_widths_are_raz_wi_and_reported(product: ProductGic, offset: int, size: int) -> None:
    product.dist_write(0, offset, 0xFFFF_FFFF_FFFF_FFFF, size)
    assert product.dist_read(0, offset, size) == 0
    assert product.take_errors() == [(RESERVED, offset)] * 2


# ---- 23: redistributors ----


def test_each_redistributor_tells_its_cpu_and_the_last_says_so(product: ProductGic) -> None:
    """GICR_TYPER: affinity [63:32], processor number [23:8], Last bit 4, PLPIS bit 0."""
    assert [product.redist_read(cpu, GICR_TYPER, 8) for cpu in range(3)] == [0x1, 0x1_0000_0101, 0x2_0000_0211]
    assert product.redist_read(2, GICR_TYPER + 4) == 2


def test_a_redistributor_sleeps_from_reset_until_it_is_woken(product: ProductGic) -> None:
    """GICR_WAKER: nothing is forwarded while ProcessorSleep is set."""
    prepare(product, PPI)
    lib.vmm_gic_reset(product.machine)
    assert product.redist_read(0, GICR_WAKER) == 6
    start(product, 3)
    assert product.redist_read(0, GICR_WAKER) == 0
    prepare(product, PPI)
    product.set_line(0, PPI, True)
    assert product.output(0) == "irq"
    product.set_awake(0, False)
    assert (product.output(0), acknowledge(product)) == ("", NONE)


def test_the_sgi_frame_has_the_registers_of_the_first_32_interrupts(product: ProductGic) -> None:
    frame = GICR_SGI_FRAME
    product.redist_write(1, frame + IGROUPR, 0xFFFF0001)
    product.redist_write(1, frame + ISENABLER, 0x00010001)
    product.redist_write(1, frame + IPRIORITYR + 16, 0xFF, 1)
    assert product.redist_read(1, frame + IGROUPR) == 0xFFFF0001
    assert product.redist_read(1, frame + ISENABLER) == 0x00010001
    assert product.redist_read(1, frame + IPRIORITYR + 16) == 0xF8
    assert product.redist_read(1, frame + ICFGR) == 0xAAAAAAAA
    assert product.redist_read(0, frame + ISENABLER) == 0


@pytest.mark.parametrize(
    "offset, size",
    [(0x040, 4), (GICR_CTLR, 8), (GICR_WAKER, 1), (GICR_SGI_FRAME + ISENABLER + 4, 4), (GICR_SGI_FRAME + 0x010, 4),
     (GICR_SGI_FRAME + 0xF00, 4)],
)  # fmt: skip
def test_the_redistributor_reports_reserved_accesses(product: ProductGic, offset: int, size: int) -> None:
    product.redist_write(0, offset, 0, size)
    assert product.redist_read(0, offset, size) == 0
    assert product.take_errors() == [(RESERVED, offset)] * 2


def test_there_is_no_redistributor_after_the_last(product: ProductGic) -> None:
    assert product.redist_read(3, GICR_TYPER, 8) == 0
    assert [fault for fault, _ in product.take_errors()] == [RESERVED]


# ---- 23: LPIs ----


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


# ---- 24: groups and Security states ----


def test_group_0_is_a_fiq_and_group_1_an_irq(gic: AnyGic) -> None:
    """4.6.2, one Security state."""
    prepare(gic, SPI, group=GROUP1)
    gic.set_line(0, SPI, True)
    assert gic.output(0) == "irq"
    prepare(gic, OTHER_SPI, 0x40, GROUP0)
    gic.set_line(0, OTHER_SPI, True)
    assert gic.output(0) == "fiq"


def test_each_acknowledge_register_gives_its_own_group(gic: AnyGic) -> None:
    prepare(gic, SPI, group=GROUP0)
    gic.set_line(0, SPI, True)
    assert (gic.hppi(0, 1), acknowledge(gic, register=1)) == ((NONE, 0), NONE)
    assert (gic.hppi(0, 0), acknowledge(gic, register=0)) == ((SPI, 0), SPI)


@pytest.mark.parametrize(
    "group, nonsecure, output",
    [(GROUP0, False, "fiq"), (GROUP0, True, "fiq"), (SECURE_GROUP1, False, "irq"), (SECURE_GROUP1, True, "fiq"),
     (GROUP1, False, "fiq"), (GROUP1, True, "irq")],
)  # fmt: skip
def test_group_1_is_an_irq_in_its_own_security_state_only(
    secure_gic: AnyGic, group: int, nonsecure: bool, output: str
) -> None:
    """4.6.2, two Security states."""
    prepare(secure_gic, SPI, group=group)
    secure_gic.set_line(0, SPI, True)
    secure_gic.set_nonsecure(0, nonsecure)
    assert secure_gic.output(0) == output


@pytest.mark.parametrize("group", [GROUP1, SECURE_GROUP1])
def test_at_el3_every_group_is_a_fiq(group: int) -> None:
    gic = ProductGic(3, 1, True)
    start(gic, 1, {GROUP0, GROUP1, SECURE_GROUP1})
    gic.set_nonsecure(0, True)
    gic.set_signals(0, GROUP1, True)
    gic.set_nonsecure(0, False)
    prepare(gic, SPI, group=group)
    gic.set_line(0, SPI, True)
    lib.vmm_gic_state(gic.machine, 0, False, True)
    assert gic.output(0) == "fiq"


def test_non_secure_software_sees_neither_group_0_nor_secure_group_1(secure_gic: AnyGic) -> None:
    for intid, group in ((4, GROUP0), (5, SECURE_GROUP1), (6, GROUP1)):
        prepare(secure_gic, intid, group=group)
    secure_gic.set_nonsecure(0, True)
    for intid in (4, 5, 6):
        secure_gic.set_pending(0, intid, True)
    assert secure_gic.intids(0, "pending") == {6}


@pytest.mark.parametrize(
    "register, nonsecure, reached",
    [("SGI0R", False, {4}), ("SGI1R", False, {4, 5}), ("ASGI1R", False, {6}),
     ("SGI0R", True, set()), ("SGI1R", True, {6}), ("ASGI1R", True, set())],
)  # fmt: skip
def test_sgis_reach_the_groups_that_their_sender_may_interrupt(
    secure_gic: AnyGic, register: str, nonsecure: bool, reached: set[int]
) -> None:
    """IHI0069, SGI forwarding: 4 is in group 0, 5 in Secure group 1, 6 in group 1; NSACR is zero."""
    for intid, group in ((4, GROUP0), (5, SECURE_GROUP1), (6, GROUP1)):
        prepare(secure_gic, intid, group=group)
    secure_gic.set_nonsecure(1, nonsecure)
    for intid in (4, 5, 6):
        secure_gic.send_sgi(1, register, intid, {0})
    assert secure_gic.intids(0, "pending") == reached


def test_the_security_states_bank_group_1_registers(secure_gic: AnyGic) -> None:
    secure_gic.set_bpr(0, 1, 6)
    secure_gic.set_nonsecure(0, True)
    secure_gic.set_bpr(0, 1, 5)
    assert secure_gic.bpr(0, 1) == 5
    secure_gic.set_nonsecure(0, False)
    assert secure_gic.bpr(0, 1) == 6


def test_the_distributor_control_register_has_a_view_for_each_state() -> None:
    """GICD_CTLR: Secure: groups 0, 1 and Secure 1, ARE_S, ARE_NS; Non-secure: EnableGrp1A and ARE_NS."""
    gic = ProductGic(3, 1, True)
    gic.dist_write(0, GICD_CTLR, 0x5)
    gic.set_nonsecure(0, True)
    assert gic.dist_read(0, GICD_CTLR) == 0x10
    gic.dist_write(0, GICD_CTLR, 0x2)
    assert gic.dist_read(0, GICD_CTLR) == 0x12
    gic.set_nonsecure(0, False)
    assert gic.dist_read(0, GICD_CTLR) == 0x37
