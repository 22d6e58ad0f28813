"""Rule 23: SGIs, by hand from Arm IHI0048B."""

from __future__ import annotations

import pytest
from models.gic import EOI_ORDER, NONE, SGI_TARGET

from intc.gic.product_gic import (
    CPENDSGIR,
    GICD_SGIR,
    ICENABLER,
    ICFGR,
    ICPENDR,
    ISENABLER,
    ISPENDR,
    RESERVED,
    SPENDSGIR,
    AnyGic,
    ProductGic,
    is_active,
    is_pending,
)
from intc.gic.v2.given import PLAIN, prepare


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
