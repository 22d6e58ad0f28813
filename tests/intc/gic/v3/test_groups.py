"""Rule 24: groups and Security states, by hand from Arm IHI0069."""

from __future__ import annotations

import pytest
from models.gic import GROUP0, GROUP1, NONE, SECURE_GROUP1

from intc.gic.product_gic import GICD_CTLR, AnyGic, ProductGic, start
from intc.gic.v3.given import OTHER_SPI, SPI, acknowledge, prepare
from vmm.core.native import lib


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
