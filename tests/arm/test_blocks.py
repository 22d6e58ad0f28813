"""The fast gear: what an instruction in the middle of a block needs is there, though the block counted as it began.

Counted by hand; what is delivered other files hold. Source: DDI0487 D1.8.2 (SP alignment), D2.9 and D2.10 (breakpoints,
watchpoints), D2.12 (software step), DDI0406 A2.5.2 (IT blocks).
"""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    CODE,
    DATA,
    DATA_ABORT,
    EL1H,
    PAGE_EL1,
    ROOT,
    SP_ALIGNMENT,
    SS,
    A,
    Arm32Bench,
    Arm64Bench,
    F,
    I,
)  # fmt: skip
from arm.opcodes import a64, t32
from vmm.core.native import lib

FAST, PRECISE = "fast", "precise"
NOP, ADD = a64("nop"), a64("add x5, x5, #1")
WATCHPOINT, BREAKPOINT, SOFTWARE_STEP = 0x35, 0x31, 0x33
KDE, MDE = 1 << 13, 1 << 15
WELL_BEHIND = 40
"""Instructions of a run: more than the code has, so that its blocks count whole. Vectors stay where they are."""
GICD_SGIR, GICC_AIAR, GICC_AEOIR = 0x08000F00, 0x20, 0x24
Z = 1 << 30


@pytest.mark.parametrize(
    ("moves", "registers"),
    [
        ("mov sp, x1", {"x1": DATA + 8}),
        ("ldr x0, [sp], #8", {}),
        ("sub sp, sp, #8", {}),
        ("and sp, x1, #0xfffffffffffffff8", {"x1": DATA + 8}),
    ],
)
def test_a_stack_pointer_that_moves_off_its_alignment_faults_at_its_next_use(
    moves: str, registers: dict[str, int]
) -> None:
    """SCTLR_EL1.SA: the fourth instruction is the first that uses it."""
    bench = Arm64Bench(ADD + a64(moves) + ADD + a64("ldr x0, [sp]") + ADD, gear=FAST, **registers)
    bench.cpu["sctlr_el1"] |= 1 << 3
    bench.step(WELL_BEHIND)
    assert (bench.numbers, bench.cpu["elr_el1"]) == ([SP_ALIGNMENT], CODE + 12)
    assert (bench.deliveries[0].insns, bench.cpu["x5"]) == (4, 2)


def test_a_breakpoint_in_the_middle_comes_before_its_instruction() -> None:
    """An attempt counts, as of what cannot be fetched: three that set it, two additions, and that."""
    setting = a64("msr dbgbvr0_el1, x1", "msr dbgbcr0_el1, x2", "msr mdscr_el1, x3")
    control = 0b1111 << 5 | 0b01 << 1 | 1
    bench = Arm64Bench(setting + ADD * 4, EL1H | A | I | F, x1=CODE + 20, x2=control, x3=KDE | MDE, gear=FAST)
    bench.step(WELL_BEHIND)
    assert (bench.numbers, bench.cpu["elr_el1"]) == ([BREAKPOINT], CODE + 20)
    assert (bench.deliveries[0].insns, bench.cpu["x5"]) == (6, 2)


@pytest.mark.parametrize("again", [1, 3])
def test_a_watchpoint_in_the_middle_is_its_instructions(again: int) -> None:
    """The third, which is not done; once that place is known, too."""
    bench = Arm64Bench(ADD * 2 + a64("str x0, [x1]") + ADD * 2, EL1H | A | I | F, x0=7, x1=DATA, gear=FAST)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.system(2, 0, 0, 0, 6, DATA)
    bench.system(2, 0, 0, 0, 7, 1 | 1 << 1 | 2 << 3 | 0xFF << 5)
    bench.system(2, 0, 0, 2, 2, KDE | MDE)
    for time in range(1, again + 1):
        bench.cpu["pstate"] = EL1H | A | I | F
        bench.cpu["pc"] = CODE
        before = bench.machine.instructions
        bench.step(WELL_BEHIND)
        assert (bench.numbers, bench.cpu["elr_el1"]) == ([WATCHPOINT] * time, CODE + 8)
        assert bench.deliveries[-1].insns == before + 3
        assert (bench.cpu["x5"], bench.memory.read(DATA, 1)) == (2 * time, b"\0")


def test_a_fetch_that_nothing_answers_is_told_with_its_own_address() -> None:
    """Twice: the second time the page is known, and is not looked up any more."""
    nowhere = 0x3F000000
    bench = Arm64Bench(ADD + a64("br x1"), EL1H, x1=nowhere, gear=FAST)
    for _ in range(2):
        bench.cpu["pc"] = CODE
        bench.step(WELL_BEHIND)
    errors = [event for event in bench.machine.trace.last(4096) if event.kind == "guest error"]
    assert [event.pc for event in errors] == [nowhere] * 2


def test_software_step_goes_one_instruction_at_a_time() -> None:
    """MDSCR_EL1.SS with PSTATE.SS: the exception comes behind the instruction, and the vector's own is not stepped."""
    bench = Arm64Bench(ADD * 5, EL1H | SS | A | I | F, gear=FAST)
    bench.system(2, 0, 0, 2, 2, KDE | 1)
    bench.step(WELL_BEHIND)
    assert (bench.numbers, bench.cpu["elr_el1"], bench.cpu["x5"]) == ([SOFTWARE_STEP], CODE + 4, 1)
    assert bench.deliveries[0].insns == 1


def test_a_table_that_nothing_decodes_is_met_by_the_instruction_that_needs_it() -> None:
    bench = Arm64Bench(ADD * 2 + a64("ldr x0, [x1]") + ADD * 2, EL1H, x1=3 << 30, gear=FAST)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.write(ROOT + 8 * 3, 0x0F000003, size=8)
    bench.step(WELL_BEHIND)
    assert (bench.numbers, bench.cpu["elr_el1"]) == ([DATA_ABORT], CODE + 8)
    assert (bench.deliveries[0].insns, bench.cpu["x5"]) == (3, 2)


@pytest.mark.parametrize("again", [1, 3])
def test_a_device_that_interrupts_does_so_behind_the_store_to_it(again: int) -> None:
    """GICD_SGIR in the third instruction: SGI 3 to itself, taken before the fourth; once that place is known, too."""
    code = ADD * 2 + a64("str w2, [x1]") + ADD * 3
    bench = Arm64Bench(code, EL1H, x1=GICD_SGIR, x2=2 << 24 | 3, gear=FAST)
    bench.enable(3)
    for time in range(1, again + 1):
        bench.cpu["pstate"] = EL1H
        bench.cpu["pc"] = CODE
        before = bench.machine.instructions
        bench.step(WELL_BEHIND)
        event = bench.deliveries[-1]
        assert (bench.numbers, event.pc, event.insns) == ([3] * time, CODE + 12, before + 3)
        assert bench.cpu["x5"] == 2 * time
        lib.vmm_gic_cpu_write(bench.native, 0, GICC_AEOIR, 4, lib.vmm_gic_cpu_read(bench.native, 0, GICC_AIAR, 4))


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("insns", range(1, 5))
def test_what_an_it_block_skips_does_not_count(equal: bool, insns: int) -> None:
    """ITTE EQ and three instructions, of which two or one run, then NOP; a boundary is before each."""
    code = t32("itte eq", "movs r0, #1", "mov.w r1, #2", "movs r2, #3", "nop")
    bench = Arm32Bench(code, "usr", Z if equal else 0, thumb=True, gear=FAST)
    bench.step(insns)
    first, second, third, nop, stay = CODE + 2, CODE + 4, CODE + 8, CODE + 10, CODE + 12
    begun = [CODE, first, second, nop] if equal else [CODE, third, nop, stay]
    behind = [first, second, third, stay] if equal else [first, nop, stay, stay]
    assert bench.cpu.recent() == begun[:insns]
    assert bench.cpu.pc == behind[insns - 1]
