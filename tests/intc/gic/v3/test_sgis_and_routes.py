"""Rule 23: SGIs by affinity, and where SPIs go; by hand from Arm IHI0069."""

from __future__ import annotations

import pytest
from models.gic import ANYONE, GROUP0, GROUP1, NONE, SGI_TARGET

from intc.gic.product_gic import IROUTER, AnyGic, ProductGic, is_pending
from intc.gic.v3.given import SGI, SPI, acknowledge, prepare

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
