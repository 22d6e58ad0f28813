"""Rule 23: the registers of distributor and redistributors; by hand from Arm IHI0069, and asked of the product."""

from __future__ import annotations

import pytest
from models.gic import NONE

from intc.gic.product_gic import (
    GICD_CTLR,
    GICD_TYPER,
    GICR_CTLR,
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
    RESERVED,
    ProductGic,
    start,
)
from intc.gic.v3.given import PPI, SPI, acknowledge, prepare
from vmm.core.native import lib

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
