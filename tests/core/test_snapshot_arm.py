"""What hides between two ARM instructions, and in the tables of a GICv3, is in a snapshot."""

from __future__ import annotations

import pytest
from arm.arm_bench import AIF, CODE, DAIF, DATA, EL1H, INTID, RAM, Arm32Bench, Arm64Bench
from arm.opcodes import a64, t32

from core.visible_state import there_and_back
from vmm.core.native import lib

Z = 1 << 30
GICC_AIAR = 0x20


def test_an_it_block_goes_on_in_its_state():
    """DDI0406 A2.5.2: ITTEE EQ is 0000 0111, after one instruction 0000 1110."""
    code = bytes.fromhex("07bf") + t32("movs r0, #1", "mov.w r1, #2", "movs r2, #3", "mov.w r3, #4", "nop")
    bench = Arm32Bench(code, "usr", Z, thumb=True)
    bench.step(2)
    there_and_back(bench.machine)
    assert bench.cpu.it_state == 0b00001110
    bench.step(2)
    assert [bench.cpu[f"r{n}"] for n in range(4)] == [1, 2, 0, 0]
    assert bench.cpu.it_state == 0


def test_an_exclusive_store_succeeds_if_its_load_came_before_the_snapshot():
    """DDI0487 B2.9: the monitor is open, whatever the detour stored."""
    bench = Arm64Bench(a64("ldxr x0, [x1]", "stxr w3, x4, [x1]"), x1=DATA, x4=7, x3=9)
    bench.step()
    there_and_back(bench.machine)
    bench.step()
    assert (bench.cpu["x3"], bench.memory.read(DATA, 1)) == (0, b"\x07")


def test_an_exclusive_store_fails_if_its_load_came_on_the_detour():
    bench = Arm64Bench(a64("ldxr x0, [x1]", "stxr w3, x4, [x1]"), x1=DATA, x4=7, x3=9)
    snapshot = bench.machine.snapshot()
    bench.step()
    bench.machine.restore(snapshot)
    bench.cpu["pc"] = CODE + 4
    bench.step()
    assert (bench.cpu["x3"], bench.memory.read(DATA, 1)) == (1, b"\0")


def test_wfi_sleeps_to_the_deadline_of_the_generic_timer():
    """A tick of 62.5 MHz is 16 ns; the timer's condition is met at tick 1000."""
    virtual_timer = 27
    code = a64("msr cntv_cval_el0, x0", "msr cntv_ctl_el0, x1", "wfi", "nop")
    bench = Arm64Bench(code, EL1H, board=",insn_ns=16", x0=1000, x1=1)
    bench.enable(virtual_timer)
    bench.step(3)
    there_and_back(bench.machine)
    assert (bench.cpu.halted, bench.machine.now_ns) == (True, 3 * 16)
    bench.step()
    assert (bench.numbers, bench.machine.now_ns) == ([virtual_timer], 1001 * 16)


@pytest.mark.parametrize("gic", [2, 3])
def test_an_interrupt_is_pending_active_or_neither_as_it_was(gic):
    bench = Arm64Bench(a64("nop") * 8, gic=gic)
    bench.raise_irq()
    snapshot = bench.machine.snapshot()
    if gic == 2:
        assert lib.vmm_gic_cpu_read(bench.native, 0, GICC_AIAR, 4) == INTID
    else:
        assert lib.vmm_gic_icc_read(bench.native, 0, lib.VMM_ICC_IAR1, 1) == INTID
    assert bench.machine.gic.dist.active == {INTID}
    bench.machine.restore(snapshot)
    assert (bench.machine.gic.dist.pending, bench.machine.gic.dist.active) == ({INTID}, frozenset())
    bench.cpu["pstate"] = EL1H
    bench.step()
    assert bench.numbers == [INTID]


# ---- debug registers ----

BREAKPOINT = 0x31
BCR = 0b1111 << 5 | 0b01 << 1 | 1
"""DBGBCR<n>_EL1 (DDI0487 D13.3.2): all four bytes, EL1, enabled."""
MDSCR = 1 << 15 | 1 << 13
"""MDE, KDE."""
SET = ("msr dbgbvr0_el1, x1", "msr dbgbcr0_el1, x2", "msr mdscr_el1, x3")
AT = CODE + 16


def watched() -> Arm64Bench:
    return Arm64Bench(a64(*SET, "msr dbgbcr0_el1, xzr", "nop", "nop"), EL1H | AIF, x1=AT, x2=BCR, x3=MDSCR)


def test_a_breakpoint_that_was_disabled_on_the_detour_is_hit():
    bench = watched()
    bench.step(3)
    there_and_back(bench.machine)
    bench.cpu["pc"] = AT
    bench.step()
    assert (bench.numbers, bench.cpu["elr_el1"]) == ([BREAKPOINT], AT)


def test_a_breakpoint_that_was_enabled_on_the_detour_is_gone():
    bench = watched()
    snapshot = bench.machine.snapshot()
    bench.step(3)
    bench.cpu["pc"] = AT
    bench.step()
    assert bench.numbers == [BREAKPOINT]
    bench.machine.restore(snapshot)
    bench.cpu["pc"] = AT
    bench.step(2)
    assert bench.numbers == []


# ---- LPIs ----

LPI = 8192 + 3
CONFIGURATION, PENDING, DEVICES, COLLECTIONS, ITT, QUEUE = (RAM + 0x200000 + 0x10000 * n for n in range(6))
GICR_CTLR, GICR_PROPBASER, GICR_PENDBASER = 0x00, 0x70, 0x78
ITS = 0x08080000
GITS_CTLR, GITS_CBASER, GITS_CWRITER, GITS_CREADR, GITS_BASER0, GITS_BASER1 = 0, 0x80, 0x88, 0x90, 0x100, 0x108
VALID = 1 << 63
DEVICE, EVENT = 5, 9


def with_lpis() -> Arm64Bench:
    """LPI is enabled and IRQs are masked."""
    bench = Arm64Bench(a64("nop") * 8, EL1H | DAIF, gic=3)
    bench.memory.write(CONFIGURATION + LPI - 8192, b"\xa1")
    for register, value in ((GICR_PROPBASER, CONFIGURATION | 15), (GICR_PENDBASER, PENDING), (GICR_CTLR, 1)):
        lib.vmm_gic_redist_write(bench.native, register, 8 if register else 4, value)
    return bench


def pending_bit(bench: Arm64Bench) -> int:
    return bench.memory.read(PENDING + LPI // 8, 1)[0] >> LPI % 8 & 1


def take(bench: Arm64Bench) -> None:
    bench.cpu["pstate"] = EL1H
    bench.step()
    assert bench.numbers == [LPI]
    assert lib.vmm_gic_icc_read(bench.native, 0, lib.VMM_ICC_IAR1, 1) == LPI
    assert pending_bit(bench) == 0


def test_an_lpi_is_pending_in_its_table_in_memory():
    """IHI0069 5.1.2: acknowledging it clears the bit."""
    bench = with_lpis()
    lib.vmm_gic_lpi(bench.native, 0, LPI, 1)
    snapshot = bench.machine.snapshot()
    take(bench)
    bench.machine.restore(snapshot)
    assert (pending_bit(bench), bench.machine.gic.cpu[0].pending_lpis) == (1, {LPI})
    take(bench)


def test_an_lpi_that_became_pending_on_the_detour_is_not():
    bench = with_lpis()
    snapshot = bench.machine.snapshot()
    lib.vmm_gic_lpi(bench.native, 0, LPI, 1)
    bench.machine.restore(snapshot)
    assert (pending_bit(bench), bench.machine.gic.cpu[0].pending_lpis) == (0, frozenset())


def send(bench: Arm64Bench, *commands: tuple[int, int, int, int]) -> None:
    """Through the queue, from where the ITS is."""
    its = bench.machine.board.devices["its"]
    at = its.mmio_read(ITS + GITS_CREADR, 8)
    for command in commands:
        bench.write(QUEUE + at, *command, size=8)
        at += 32
    its.mmio_write(ITS + GITS_CWRITER, 8, at)


def test_the_its_translates_as_it_did_and_is_where_it_was_in_its_queue():
    """IHI0069 5.3: MAPD, MAPC, MAPTI; on the detour DISCARD, and then it is disabled."""
    bench = with_lpis()
    its = bench.machine.board.devices["its"]
    tables = ((GITS_BASER0, DEVICES), (GITS_BASER1, COLLECTIONS), (GITS_CBASER, QUEUE))
    for register, address in tables:
        its.mmio_write(ITS + register, 8, VALID | address)
    its.mmio_write(ITS + GITS_CTLR, 4, 1)
    send(
        bench,
        (0x08 | DEVICE << 32, 7, VALID | ITT, 0),
        (0x09, 0, VALID, 0),
        (0x0A | DEVICE << 32, EVENT | LPI << 32, 0, 0),
    )
    snapshot = bench.machine.snapshot()
    send(bench, (0x0F | DEVICE << 32, EVENT, 0, 0))
    its.mmio_write(ITS + GITS_CTLR, 4, 0)
    its.translate(DEVICE, EVENT)
    assert bench.machine.gic.cpu[0].pending_lpis == frozenset()
    bench.machine.restore(snapshot)
    assert its.mmio_read(ITS + GITS_CREADR, 8) == 3 * 32
    its.translate(DEVICE, EVENT)
    assert bench.machine.gic.cpu[0].pending_lpis == {LPI}
    take(bench)
