"""What `vmm.intc.gic.Gic` shows of a GIC, and what no guest can do to it."""

from __future__ import annotations

import random

import pytest

from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.intc.gic import GROUP0, GROUP1, SECURE_GROUP1, Gic

from .product_gic import GICR_STRIDE, ProductGic, start

SPI = 40


def test_the_view_tells_an_interrupt_from_line_to_end() -> None:
    gic = ProductGic(2, 2)
    start(gic, 2)
    gic.set_group(0, SPI, GROUP0)
    gic.set_priority(0, SPI, 0x48)
    gic.set_enabled(0, SPI, True)
    gic.set_route(0, SPI, {1})
    gic.set_line(0, SPI, True)
    view = Gic(gic.machine)
    dist, cpu = view.dist, view.cpu[1]
    assert (view.version, len(view.cpu)) == (2, 2)
    assert (dist.pending, dist.asserted, dist.enabled, dist.active) == ({SPI}, {SPI}, {SPI}, set())
    assert (dist.priority(SPI), dist.group(SPI), dist.targets(SPI), dist.groups) == (0x48, GROUP0, {1}, {0, 1})
    assert (cpu.hppi, cpu.irq, cpu.fiq, view.cpu[0].hppi) == (SPI, True, False, None)
    gic.acknowledge(1, 0)
    assert (dist.active, cpu.running_priority, cpu.active_priorities(GROUP0), cpu.irq) == ({SPI}, 0x48, {0x48}, False)
    assert (cpu.pmr, cpu.binary_point(GROUP0), cpu.binary_point(GROUP1), cpu.groups) == (0xF8, 2, 3, {0, 1})
    gic.end(1, 0, SPI)
    assert (dist.active, cpu.running_priority) == (set(), 255)


def test_the_view_tells_private_interrupts_by_cpu_and_sgis_by_sender() -> None:
    gic = ProductGic(2, 3)
    gic.set_line(2, 27, True)
    gic.send_old_sgi(1, 4, {2})
    gic.send_old_sgi(0, 4, {2})
    view = Gic(gic.machine)
    assert [cpu.pending for cpu in view.cpu] == [set(), set(), {4, 27}]
    assert view.cpu[2].sources(4) == {0, 1}
    assert view.cpu[2].edge_triggered == set(range(16))


def test_the_view_tells_a_redistributor() -> None:
    gic = ProductGic(3, 1, True)
    view = Gic(gic.machine)
    assert (view.cpu[0].asleep, view.cpu[0].lpis_enabled) == (True, False)
    gic.set_awake(0, True)
    gic.set_lpis_on(0, True)
    gic.set_lpi(0, 9000, True)
    gic.set_group(0, 33, SECURE_GROUP1)
    assert (view.cpu[0].asleep, view.cpu[0].lpis_enabled, view.cpu[0].pending_lpis) == (False, True, {9000})
    assert (view.dist.group(32), view.dist.group(33)) == (GROUP0, SECURE_GROUP1)


def test_the_view_is_readable_in_one_line() -> None:
    gic = ProductGic(2, 1)
    gic.set_line(0, SPI, True)
    gic.set_line(0, 27, True)
    view = Gic(gic.machine)
    assert repr(view.dist) == "<GICD pending=[40] active=[]>"
    assert repr(view.cpu[0]) == "<GIC of cpu 0 pending=[27] active=[] running=0xff pmr=0x00>"


def test_what_is_not_there_is_refused_in_one_line() -> None:
    view = Gic(ProductGic(2, 1).machine)
    with pytest.raises(VmmError, match="no interrupt 288 here: INTIDs 32-287 are"):
        view.dist.priority(288)
    with pytest.raises(VmmError, match="no interrupt 32 here: INTIDs 0-31 are"):
        view.cpu[0].group(32)
    with pytest.raises(VmmError, match="no SGI 16: INTIDs 0-15 are"):
        view.cpu[0].sources(16)
    with pytest.raises(VmmError, match="no interrupt group 3: 0, 1 and 2"):
        view.cpu[0].binary_point(3)


@pytest.mark.parametrize("two_states", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_no_access_breaks_the_machine_or_leaves_an_output_behind(version: int, two_states: bool) -> None:
    """After any accesses, what is signalled is what a fresh look at all interrupts finds."""
    dice = random.Random(version)
    gic = ProductGic(version, 3, two_states)
    machine = gic.machine
    start(gic, 3)
    for _ in range(4000):
        cpu, size, value = dice.randrange(9), dice.choice((1, 2, 4, 4, 4, 8)), dice.getrandbits(64)
        offset = dice.choice((dice.randrange(0x1000), dice.randrange(0x20000) & ~3, dice.randrange(0x100) & ~3))
        lib.vmm_gic_dist_write(machine, cpu, offset, size, value)
        lib.vmm_gic_dist_read(machine, cpu, offset, size)
        lib.vmm_gic_cpu_write(machine, cpu, offset, size, value)
        lib.vmm_gic_cpu_read(machine, cpu, offset, size)
        lib.vmm_gic_redist_write(machine, dice.randrange(5) * GICR_STRIDE + offset, size, value)
        lib.vmm_gic_redist_read(machine, dice.randrange(5) * GICR_STRIDE + offset, size)
        lib.vmm_gic_icc_write(machine, cpu, dice.randrange(-1, 30), dice.randrange(2), value)
        lib.vmm_gic_icc_read(machine, cpu, dice.randrange(-1, 30), dice.randrange(2))
        lib.vmm_gic_set_spi(machine, dice.randrange(300), dice.randrange(2))
        lib.vmm_gic_set_ppi(machine, cpu, dice.randrange(40), dice.randrange(2))
        lib.vmm_gic_lpi(machine, cpu, dice.getrandbits(17), dice.randrange(2))
        lib.vmm_gic_lpi_move(machine, cpu, dice.randrange(9), dice.getrandbits(17))
    before = [gic.output(n) for n in range(3)]
    for cpu in range(3):
        lib.vmm_gic_lpi_reload(machine, cpu)
        lib.vmm_gic_state(machine, cpu, False, False)
    assert [gic.output(n) for n in range(3)] == before
