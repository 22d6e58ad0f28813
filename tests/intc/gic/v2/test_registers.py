"""Rule 23: registers, who is targeted, what is reserved; by hand from Arm IHI0048B, and asked of the product."""

from __future__ import annotations

import pytest
from models.gic import GROUP1

from intc.gic.product_gic import (
    GICC_APR0,
    GICC_IAR,
    GICC_NSAPR0,
    GICC_PMR,
    GICD_CTLR,
    GICD_SGIR,
    GICD_TYPER,
    ICACTIVER,
    ICENABLER,
    ICFGR,
    ICPENDR,
    IPRIORITYR,
    ISACTIVER,
    ISENABLER,
    ISPENDR,
    ITARGETSR,
    RESERVED,
    ProductGic,
    start,
)
from intc.gic.v2.given import ALIAS, LAST_SPI, OTHER_SPI, PLAIN, SPI, acknowledge, prepare
from vmm.core.native import check, lib
from vmm.errors import VmmError


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
