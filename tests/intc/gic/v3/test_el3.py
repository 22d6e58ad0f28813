"""Rules 21 to 24 with EL3: a GICv3 of two Security states as trusted firmware and those below see it (Arm IHI0069).

EL3 is Secure whatever SCR_EL3.NS says, which chooses the copy of banked registers; SCR_EL3.FIQ and IRQ say who has
which group. Claims about interrupts are asked of the product and of the model, those about layouts of the product.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from models.gic import DEACTIVATE, FOR_NONSECURE, FOR_SECURE, GROUP0, GROUP1, NONE, SECURE_GROUP1, Gic

from intc.gic.product_gic import AnyGic, ProductGic, is_active, start
from vmm.core.native import lib

SPI, OTHER_SPI, LPI = 33, 40, 8192
EVERY_GROUP = [GROUP0, GROUP1, SECURE_GROUP1]


class World(NamedTuple):
    """SCR_EL3.NS, and whether the CPU is at EL3."""

    nonsecure: bool
    el3: bool


NONSECURE, SECURE, EL3, EL3_NS = World(True, False), World(False, False), World(False, True), World(True, True)
WORLDS = pytest.mark.parametrize("world", [NONSECURE, SECURE, EL3, EL3_NS])


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def gic(request: pytest.FixtureRequest) -> AnyGic:
    """One CPU at EL3; every group is forwarded and signalled."""
    face: AnyGic = request.param(3, 1, True)
    start(face, 1, {GROUP0, GROUP1, SECURE_GROUP1})
    face.set_groups_at_el3(0, True, True)
    face.set_world(0, *EL3)
    return face


@pytest.fixture
def product() -> ProductGic:
    face = ProductGic(3, 1, True)
    start(face, 1, {GROUP0, GROUP1, SECURE_GROUP1})
    face.set_groups_at_el3(0, True, True)
    face.set_world(0, *EL3)
    return face


def prepare(gic: AnyGic, intid: int, group: int, priority: int = 0xA0) -> None:
    """By EL3, whose accesses are Secure."""
    gic.set_group(0, intid, group)
    gic.set_priority(0, intid, priority)
    gic.set_enabled(0, intid, True)
    gic.set_route(0, intid, {0})


def pend(gic: AnyGic, intid: int, group: int, priority: int = 0xA0) -> None:
    prepare(gic, intid, group, priority)
    gic.set_pending(0, intid, True)


# ---- 23: whose interrupt it is ----


@pytest.mark.parametrize("group", EVERY_GROUP)
@WORLDS
def test_group_0_is_given_to_secure_software_and_el3_is_told_whose_the_others_are(
    gic: AnyGic, world: World, group: int
) -> None:
    """2.2.1: 1020, Secure group 1's, and 1021, Non-secure software's, are read at EL3 alone; nothing becomes active."""
    pend(gic, SPI, group)
    gic.set_world(0, *world)
    special = {GROUP0: SPI, SECURE_GROUP1: FOR_SECURE, GROUP1: FOR_NONSECURE}[group]
    own = SPI if group == GROUP0 and world == SECURE else NONE
    expected = special if world.el3 else own
    assert gic.hppi(0, 0) == (expected, 0)
    assert gic.acknowledge(0, 0) == (expected, 0)
    assert is_active(gic, SPI) == (expected == SPI)


@pytest.mark.parametrize("group", EVERY_GROUP)
@WORLDS
def test_el3_takes_both_groups_1_and_the_others_their_own(gic: AnyGic, world: World, group: int) -> None:
    """ICC_IAR1_EL1, ICC_HPPIR1_EL1 (CheckGroup1ForSpecialIdentifiers)."""
    pend(gic, SPI, group)
    gic.set_world(0, *world)
    mine = group != GROUP0 and (world.el3 or group == (GROUP1 if world.nonsecure else SECURE_GROUP1))
    expected = SPI if mine else NONE
    assert (gic.hppi(0, 1), gic.acknowledge(0, 1)) == ((expected, 0), (expected, 0))
    assert is_active(gic, SPI) == mine


@pytest.mark.parametrize("group", [GROUP1, SECURE_GROUP1])
def test_el3_is_not_told_of_what_is_masked_or_disabled(gic: AnyGic, group: int) -> None:
    """IAR0 of what is not signalled is 1023; HPPIR0 does not ask PMR, but the group's enable."""
    pend(gic, SPI, group)
    gic.set_pmr(0, 0x80)
    special = FOR_SECURE if group == SECURE_GROUP1 else FOR_NONSECURE
    assert (gic.acknowledge(0, 0)[0], gic.hppi(0, 0)[0]) == (NONE, special)
    gic.set_pmr(0, 0xFF)
    gic.set_groups_at_el3(0, group != GROUP1, group != SECURE_GROUP1)
    assert (gic.acknowledge(0, 0)[0], gic.hppi(0, 0)[0]) == (NONE, NONE)


@pytest.mark.parametrize("group", EVERY_GROUP)
@WORLDS
def test_an_end_counts_for_the_groups_that_its_register_gives(gic: AnyGic, world: World, group: int) -> None:
    """ICC_EOIR0_EL1 is group 0's and Secure, ICC_EOIR1_EL1 the state's own group 1, both at EL3."""
    pend(gic, SPI, group)
    assert gic.acknowledge(0, int(group != GROUP0)) == (SPI, 0)
    gic.set_world(0, *world)
    secure = world != NONSECURE
    gic.end(0, 0, SPI)
    ended = group == GROUP0 and secure
    assert is_active(gic, SPI) == (not ended)
    if not ended:
        gic.end(0, 1, SPI)
        ended = group != GROUP0 and (world.el3 or group == (GROUP1 if world.nonsecure else SECURE_GROUP1))
        assert is_active(gic, SPI) == (not ended)


# ---- 22: EOImode and DIR ----


@pytest.mark.parametrize(
    ("world", "splits"), [(EL3, "el3"), (EL3_NS, "el3"), (SECURE, "secure"), (NONSECURE, "nonsecure")]
)
@pytest.mark.parametrize("mode", ["el3", "secure", "nonsecure"])
def test_each_has_an_eoimode_of_its_own(gic: AnyGic, world: World, splits: str, mode: str) -> None:
    """ICC_CTLR_EL3.EOImode_EL3, EOImode_EL1S and EOImode_EL1NS, the last two also ICC_CTLR_EL1.EOImode."""
    if mode == "el3":
        gic.set_split_at_el3(0, True)
    else:
        gic.set_world(0, *(SECURE if mode == "secure" else NONSECURE))
        gic.set_split(0, True)
    gic.set_world(0, *EL3)
    assert gic.control_at_el3(0)[2:] == (mode == "el3", mode == "secure", mode == "nonsecure")
    group = GROUP1 if world.nonsecure else SECURE_GROUP1
    pend(gic, SPI, group)
    gic.set_world(0, *world)
    assert gic.acknowledge(0, 1) == (SPI, 0)
    gic.end(0, 1, SPI)
    assert (gic.running_priority(0), is_active(gic, SPI)) == (0xFF, mode == splits)
    gic.deactivate(0, SPI)
    assert not is_active(gic, SPI)
    assert gic.take_errors() == ([] if mode == splits else [(DEACTIVATE, SPI)])


ALL = {GROUP0, GROUP1, SECURE_GROUP1}


@pytest.mark.parametrize(
    ("world", "fiq", "irq", "deactivated"),
    [
        (EL3, True, True, ALL),
        (EL3_NS, True, True, ALL),
        (SECURE, False, False, ALL),
        (SECURE, True, False, {GROUP1, SECURE_GROUP1}),
        (SECURE, False, True, {GROUP0}),
        (NONSECURE, False, False, {GROUP1}),
        (NONSECURE, True, False, {GROUP1}),
        (NONSECURE, False, True, set()),
    ],
)
@pytest.mark.parametrize("group", EVERY_GROUP)
def test_dir_deactivates_what_is_not_taken_to_el3(
    gic: AnyGic, world: World, fiq: bool, irq: bool, deactivated: set[int], group: int
) -> None:
    """ICC_DIR_EL1: below EL3 the group's routing decides, and Non-secure software has its own group alone."""
    prepare(gic, SPI, group)
    gic.set_active(0, SPI, True)
    gic.set_split_at_el3(0, True)
    for state in (SECURE, NONSECURE):
        gic.set_world(0, *state)
        gic.set_split(0, True)
    gic.set_world(0, *world)
    gic.set_routing(0, fiq, irq)
    gic.deactivate(0, SPI)
    assert is_active(gic, SPI) == (group not in deactivated)


# ---- 21: priorities as each sees them ----


@pytest.mark.parametrize(
    ("mask", "fiq", "shown"),
    [(0xF0, True, 0xE0), (0xF0, False, 0xF0), (0x80, True, 0), (0x78, True, 0), (0x78, False, 0x78)],
)
def test_non_secure_software_has_half_of_the_priorities_only_where_fiqs_are_el3s(
    gic: AnyGic, mask: int, fiq: bool, shown: int
) -> None:
    """ICC_PMR_EL1 and ICC_RPR_EL1: SCR_EL3.FIQ."""
    pend(gic, SPI, GROUP1, mask)
    gic.set_pmr(0, 0xFF)
    gic.acknowledge(0, 1)
    gic.set_pmr(0, mask)
    gic.set_world(0, *NONSECURE)
    gic.set_routing(0, fiq, False)
    assert (gic.pmr(0), gic.running_priority(0)) == (shown, shown)


@pytest.mark.parametrize(
    ("before", "fiq", "written", "after"),
    [(0xF0, True, 0x70, 0xB8), (0xF0, False, 0x70, 0x70), (0x40, True, 0xF0, 0x40), (0x40, False, 0xF0, 0xF0)],
)
def test_non_secure_software_sets_the_mask_within_what_it_sees(
    gic: AnyGic, before: int, fiq: bool, written: int, after: int
) -> None:
    """ICC_PMR_EL1: one in the Secure half is not its own to change where it has half of them."""
    gic.set_pmr(0, before)
    gic.set_world(0, *NONSECURE)
    gic.set_routing(0, fiq, False)
    gic.set_pmr(0, written)
    gic.set_world(0, *EL3)
    assert gic.pmr(0) == after


@pytest.mark.parametrize(("configured", "priority"), [(0x00, 0x80), (0x40, 0xA0), (0xA0, 0xD0), (0xEC, 0xF0)])
def test_an_lpis_priority_is_a_non_secure_one(gic: AnyGic, configured: int, priority: int) -> None:
    """5.1.1: with two Security states the table's value is in the lower half of the priorities."""
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, configured, True)
    gic.set_lpi(0, LPI, True)
    assert gic.acknowledge(0, 1) == (LPI, 0)
    assert gic.running_priority(0) == priority


def test_secure_interrupts_go_before_an_lpi(gic: AnyGic) -> None:
    """Of the highest configured priority, too."""
    gic.set_lpis_on(0, True)
    gic.configure_lpi(LPI, 0, True)
    gic.set_lpi(0, LPI, True)
    pend(gic, SPI, SECURE_GROUP1, 0x78)
    assert gic.acknowledge(0, 1) == (SPI, 0)


# ---- 21: binary points ----


def test_cbpr_makes_secure_el1s_point_another_name_of_group_0s(gic: AnyGic) -> None:
    """ICC_CTLR_EL3.CBPR_EL1S: reads and writes of ICC_BPR1_EL1 at Secure EL1 are ICC_BPR0_EL1's; EL3's are its own."""
    gic.set_bpr(0, 1, 6)
    gic.set_common_bpr(0, True)
    gic.set_world(0, *SECURE)
    gic.set_bpr(0, 1, 4)
    assert (gic.bpr(0, 0), gic.bpr(0, 1)) == (4, 4)
    gic.set_world(0, *EL3)
    assert (gic.bpr(0, 0), gic.bpr(0, 1)) == (4, 6)
    gic.set_bpr(0, 1, 5)
    assert (gic.bpr(0, 0), gic.bpr(0, 1)) == (4, 5)


def test_cbpr_makes_non_secure_software_see_group_0s_point(gic: AnyGic) -> None:
    """ICC_CTLR_EL3.CBPR_EL1NS: reads are ICC_BPR0_EL1 + 1 up to 7, writes are ignored; EL3's are its own."""
    gic.set_bpr(0, 0, 5)
    gic.set_world(0, *EL3_NS)
    gic.set_bpr(0, 1, 4)
    gic.set_common_bpr(0, True)
    gic.set_world(0, *NONSECURE)
    gic.set_bpr(0, 1, 7)
    assert gic.bpr(0, 1) == 6
    gic.set_world(0, *EL3_NS)
    assert (gic.bpr(0, 0), gic.bpr(0, 1)) == (5, 4)


@pytest.mark.parametrize("world", [SECURE, NONSECURE])
def test_below_el3_cbpr_is_read_only(gic: AnyGic, world: World) -> None:
    """ICC_CTLR_EL1.CBPR: an alias of ICC_CTLR_EL3's, not to be written while GICD_CTLR.DS is 0."""
    gic.set_world(0, *world)
    gic.set_common_bpr(0, True)
    assert gic.icc_control(0) == (False, False)
    gic.set_world(0, world.nonsecure, True)
    gic.set_common_bpr(0, True)
    gic.set_world(0, *world)
    assert gic.icc_control(0) == (True, False)


# ---- registers ----


def test_icc_ctlr_el3_is_laid_out_as_the_manual_says(product: ProductGic) -> None:
    """PRIbits [10:8] is 4; IDbits, SEIS, A3V and RM are 0; nDS, bit 17, and RSS, bit 18, are 1."""
    fixed = 4 << 8 | 1 << 17 | 1 << 18
    assert product.icc_read(0, "CTLR_EL3") == fixed
    product.icc_write(0, "CTLR_EL3", 0xFFFFFFFF)
    assert product.icc_read(0, "CTLR_EL3") == fixed | 0x5F
    for world in (SECURE, NONSECURE):
        product.set_world(0, *world)
        assert product.icc_read(0, "CTLR") == 4 << 8 | 1 << 18 | 0x43
        product.icc_write(0, "CTLR", 0)
        assert product.icc_read(0, "CTLR") == 4 << 8 | 1 << 18 | 0x41
    product.set_world(0, *EL3)
    assert product.icc_read(0, "CTLR_EL3") == fixed | 0x47


@pytest.mark.parametrize(("value", "secure", "nonsecure"), [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1)])
def test_icc_igrpen1_el3_has_both_enables(product: ProductGic, value: int, secure: int, nonsecure: int) -> None:
    """EnableGrp1NS is bit 0, EnableGrp1S bit 1; each is the state's own ICC_IGRPEN1_EL1."""
    product.icc_write(0, "IGRPEN1_EL3", value)
    product.set_world(0, *SECURE)
    assert product.icc_read(0, "IGRPEN1") == secure
    product.icc_write(0, "IGRPEN1", not secure)
    product.set_world(0, *NONSECURE)
    assert product.icc_read(0, "IGRPEN1") == nonsecure
    product.set_world(0, *EL3)
    assert product.icc_read(0, "IGRPEN1_EL3") == nonsecure | (not secure) << 1


@pytest.mark.parametrize(("fiq", "value"), [(False, 1), (True, 0)])
def test_non_secure_software_has_group_0s_registers_where_fiqs_are_not_el3s(
    product: ProductGic, fiq: bool, value: int
) -> None:
    """ICC_IGRPEN0_EL1 and its kin: who may access them follows the routing of FIQs; else a vCPU traps."""
    product.set_world(0, *NONSECURE)
    product.set_routing(0, fiq, False)
    assert product.icc_read(0, "IGRPEN0") == value


def at_el3(gic: ProductGic, name: str, value: int | None = None) -> int:
    """An access by CPU 0 at EL3 with SCR_EL3.NS 1: a write of `value`, or a read."""
    if value is None:
        return int(lib.vmm_gic_icc_read(gic.machine, 0, gic.icc(name), lib.VMM_GIC_AT_EL3))
    lib.vmm_gic_icc_write(gic.machine, 0, gic.icc(name), lib.VMM_GIC_AT_EL3, value)
    return value


def test_group_0_is_el3s_whatever_scr_ns_says() -> None:
    """IHI0069, accessibility of ICC_IAR0_EL1 and ICC_IGRPEN0_EL1: SCR_EL3.NS has no say at EL3."""
    gic = ProductGic(3, 1, True)
    start(gic, 1, {GROUP0, GROUP1, SECURE_GROUP1})
    prepare(gic, SPI, group=GROUP0)
    gic.set_line(0, SPI, True)
    assert (at_el3(gic, "IGRPEN0"), at_el3(gic, "IAR0")) == (1, SPI)
    gic.set_nonsecure(0, True)
    gic.set_routing(0, True, False)
    assert gic.icc_read(0, "IGRPEN0") == 0


def test_el3_sees_all_priorities_whatever_scr_ns_says() -> None:
    """IHI0069 4.8.1: only Non-secure accesses have half of the range."""
    gic = ProductGic(3, 1, True)
    assert (at_el3(gic, "PMR", 0x48), at_el3(gic, "PMR"), gic.icc_read(0, "PMR")) == (0x48, 0x48, 0x48)
    gic.set_nonsecure(0, True)
    gic.set_routing(0, True, False)
    assert gic.icc_read(0, "PMR") == 0


def test_scr_ns_chooses_the_copy_of_a_banked_register_at_el3() -> None:
    """IHI0069, accessibility of ICC_BPR1_EL1 at EL3: the instance is S or NS as SCR_EL3.NS says."""
    gic = ProductGic(3, 1, True)
    gic.set_bpr(0, 1, 6)
    at_el3(gic, "BPR1", 5)
    assert (at_el3(gic, "BPR1"), gic.bpr(0, 1)) == (5, 6)
    gic.set_nonsecure(0, True)
    assert gic.bpr(0, 1) == 5


@pytest.mark.parametrize("register, reached", [("SGI0R", {4}), ("SGI1R", {4, 5}), ("ASGI1R", {6})])
def test_sgis_of_el3_are_secure_ones_whatever_scr_ns_says(register: str, reached: set[int]) -> None:
    """IHI0069, ICC_SGI1R_EL1: group 1 of the current Security state, ICC_ASGI1R_EL1: of the other one."""
    gic = ProductGic(3, 1, True)
    start(gic, 1, {GROUP0, GROUP1, SECURE_GROUP1})
    for intid, group in ((4, GROUP0), (5, SECURE_GROUP1), (6, GROUP1)):
        prepare(gic, intid, group=group)
    for intid in (4, 5, 6):
        at_el3(gic, register, intid << 24 | 1)
    assert gic.intids(0, "pending") == reached
