"""Rule 26: SError before FIQ before IRQ, and an unmask takes what is pending before the very next instruction
(DDI0487 D1.13.4; DDI0406 B1.9.12).
"""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    AIF,
    CODE,
    DAIF,
    DATA32,
    EL0,
    EL1H,
    EL1T,
    EL1T_GROUP,
    ELXH_GROUP,
    FIQ,
    FIQ32,
    FIQ_INTID,
    FIQ_PIN,
    INTID,
    IRQ,
    IRQ32,
    LOWER_A64,
    MODES,
    PIN,
    SERROR,
    SERROR_CLASS,
    STACK32,
    TESTDEV,
    VECTORS,
    A,
    Arm32Bench,
    Arm64Bench,
    ArmBench,
    F,
    I,
    T,
)  # fmt: skip
from arm.opcodes import a32, a64, t32
from vmm.core.native import lib

SCRIPTED = 99
"""An IRQ without a controller; a GIC signals only the better one of an IRQ and a FIQ."""


def all_pending(bench: ArmBench) -> None:
    bench.machine.inject(SCRIPTED)
    bench.raise_fiq()
    bench.cpu.serror()


# ---- A64 ----


def test_serror_comes_before_fiq_and_fiq_before_irq() -> None:
    """Each is taken with the one before it unmasked in the handler; ELR is the first instruction of that handler."""
    bench = Arm64Bench(a64("nop"), EL1H)
    all_pending(bench)
    bench.memory.write(VECTORS[1] + ELXH_GROUP + SERROR, a64("msr daifclr, #7"))
    bench.memory.write(VECTORS[1] + ELXH_GROUP + FIQ, a64("eret"))
    bench.step()
    assert bench.numbers == [SERROR_CLASS]
    bench.machine.run(until=VECTORS[1] + ELXH_GROUP + FIQ, insns=5)
    behind = VECTORS[1] + ELXH_GROUP + SERROR + 4
    bench.assert_taken(FIQ_INTID, ELXH_GROUP + FIQ, after=1, elr=behind, spsr=EL1H | 1 << 9)
    bench.machine.irq(FIQ_PIN).lower()
    bench.step()
    bench.machine.run(until=VECTORS[1] + ELXH_GROUP + IRQ, insns=5)
    bench.assert_taken(SCRIPTED, ELXH_GROUP + IRQ, after=2, elr=behind, spsr=EL1H | 1 << 9)
    assert bench.numbers == [SERROR_CLASS, FIQ_INTID, SCRIPTED]


@pytest.mark.parametrize(
    ("masks", "first"),
    [
        (0, SERROR_CLASS), (A, FIQ_INTID), (A | F, SCRIPTED), (F, SERROR_CLASS), (I, SERROR_CLASS), (A | I, FIQ_INTID),
        (F | I, SERROR_CLASS),
    ],
)  # fmt: skip
def test_each_mask_holds_its_own_kind_alone(masks: int, first: int) -> None:
    """DDI0487 D1.13.4: PSTATE.A, F and I."""
    bench = Arm64Bench(a64("nop"), EL1H | masks)
    all_pending(bench)
    bench.step()
    assert bench.numbers == [first]
    assert bench.cpu["elr_el1"] == CODE


def test_with_all_masked_nothing_is_taken_and_nothing_is_lost() -> None:
    """It stays pending as long as it takes."""
    bench = Arm64Bench(a64("nop") * 50, EL1H | DAIF)
    all_pending(bench)
    bench.step(50)
    assert bench.numbers == []
    bench.cpu["pstate"] = EL1H | F | I
    bench.step()
    assert bench.numbers == [SERROR_CLASS]


UNMASKS_A64 = {"msr daifclr, #2": I, "msr daifclr, #0xf": DAIF, "msr daif, x0": DAIF}
"""And what is masked before."""


@pytest.mark.parametrize("code", UNMASKS_A64)
@pytest.mark.parametrize("gic", [2, 3])
def test_an_unmask_takes_the_pending_interrupt_before_the_next_instruction(code: str, gic: int) -> None:
    """ELR is the one behind the unmask, which has not begun."""
    bench = Arm64Bench(a64("nop", code, "mov x9, #1"), EL1H | UNMASKS_A64[code], gic=gic)
    bench.raise_irq()
    bench.step(3)
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=2, elr=CODE + 8, spsr=EL1H)
    assert bench.cpu["x9"] == 0


@pytest.mark.parametrize(("target", "group"), [(EL0, LOWER_A64), (EL1T, EL1T_GROUP), (EL1H, ELXH_GROUP)])
def test_an_eret_that_unmasks_takes_the_pending_interrupt_before_the_first_instruction_there(
    target: int, group: int
) -> None:
    """DDI0487 D1.11: PSTATE is SPSR's at the boundary behind ERET."""
    bench = Arm64Bench(a64("eret"), spsr_el1=target, elr_el1=CODE + 0x40)
    bench.memory.write(CODE + 0x40, a64("mov x9, #1"))
    bench.raise_irq()
    bench.step(2)
    bench.assert_taken(INTID, group + IRQ, after=1, elr=CODE + 0x40, spsr=target)
    assert bench.cpu["x9"] == 0


def test_unmask_and_mask_back_to_back_leave_one_boundary() -> None:
    """DAIFClr; DAIFSet: the interrupt is taken between the two."""
    bench = Arm64Bench(a64("msr daifclr, #2", "msr daifset, #2"), EL1H | I)
    bench.raise_irq()
    bench.step(2)
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=1, elr=CODE + 4, spsr=EL1H)


MASKS_A64 = ["msr daifset, #2", "msr daif, x1"]


@pytest.mark.parametrize("code", MASKS_A64)
def test_a_mask_keeps_out_the_interrupt_that_comes_with_the_instruction_behind_it(code: str) -> None:
    """The store to the test device raises the line while I is set already."""
    bench = Arm64Bench(a64(code, "str w2, [x3]", "nop", "nop"), EL1H, x1=I, x2=1, x3=TESTDEV + 4 * PIN)
    bench.enable(INTID)
    bench.step(5)
    assert (bench.numbers, bench.machine.gic.dist.pending) == ([], frozenset({INTID}))


@pytest.mark.parametrize("gic", [2, 3])
def test_a_line_that_rises_with_a_store_interrupts_before_the_next_instruction(gic: int) -> None:
    """The store is complete; latency 0."""
    bench = Arm64Bench(a64("nop", "str w2, [x3]", "mov x9, #1"), EL1H, gic=gic, x2=1, x3=TESTDEV + 4 * PIN)
    bench.enable(INTID)
    bench.step(3)
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=2, elr=CODE + 8, spsr=EL1H)
    assert (bench.deliveries[0].value, bench.cpu["x9"]) == (0, 0)


def test_a_line_that_falls_before_the_unmask_interrupts_nothing() -> None:
    """A level is not remembered."""
    code = a64("str w2, [x3]", "str wzr, [x3]", "msr daifclr, #2", "nop")
    bench = Arm64Bench(code, EL1H | I, x2=1, x3=TESTDEV + 4 * PIN)
    bench.enable(INTID)
    bench.step(5)
    assert bench.numbers == []


def test_an_unmask_of_fiq_alone_takes_the_fiq_alone() -> None:
    """DAIFClr #1."""
    bench = Arm64Bench(a64("msr daifclr, #1", "nop"), EL1H | DAIF)
    all_pending(bench)
    bench.step(2)
    bench.assert_taken(FIQ_INTID, ELXH_GROUP + FIQ, after=1, elr=CODE + 4, spsr=EL1H | DAIF & ~F)


def test_the_interrupt_is_taken_before_an_exception_of_the_next_instruction() -> None:
    """DDI0487 D1.13.4: at the boundary; SVC is executed after the ERET."""
    bench = Arm64Bench(a64("msr daifclr, #2", "svc #1"), EL1H | I)
    bench.memory.write(VECTORS[1] + ELXH_GROUP + IRQ, a64("str wzr, [x3]", "eret"))
    bench.registers(x3=TESTDEV + 4 * PIN)
    bench.enable(INTID)
    lib.vmm_line_set(bench.native, PIN, lib.VMM_TESTDEV_DRIVER, 1)
    bench.step(5)
    assert bench.numbers == [INTID, 0x15]
    assert (bench.cpu["elr_el1"], bench.cpu["spsr_el1"]) == (CODE + 8, EL1H)


def test_an_interrupt_that_comes_with_an_svc_waits_for_its_handler_to_unmask() -> None:
    """SVC's entry masks I; the vector's first instruction is where it lands once unmasked."""
    bench = Arm64Bench(a64("svc #1"), EL0)
    bench.memory.write(VECTORS[1] + LOWER_A64, a64("nop", "msr daifclr, #2"))
    bench.step()
    bench.raise_irq()
    bench.step(3)
    at = VECTORS[1] + LOWER_A64 + 8
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=3, elr=at, spsr=EL1H | DAIF & ~I)


# ---- A32 and T32 ----


def test_an_abort_comes_before_fiq_and_fiq_before_irq_on_armv7() -> None:
    """Entries mask A and I, FIQ masks F: the IRQ waits for both returns."""
    bench = Arm32Bench(a32("nop", "nop"), "usr", 0)
    bench.memory.write(VECTORS[1] + FIQ32, a32("subs pc, lr, #4"))
    bench.memory.write(VECTORS[1] + DATA32, a32("subs pc, lr, #8"))
    all_pending(bench)
    bench.machine.run(until=VECTORS[1] + FIQ32, insns=5)
    assert bench.numbers == [SERROR_CLASS, FIQ_INTID], "an abort does not mask F"
    bench.assert_taken(
        FIQ_INTID, FIQ32, "fiq", after=0, lr=VECTORS[1] + DATA32 + 4, spsr=MODES["abt"] | A | I, cpsr=AIF
    )
    bench.machine.irq(FIQ_PIN).lower()
    bench.step(3)
    bench.assert_taken(SCRIPTED, IRQ32, "irq", after=2, lr=CODE + 4, spsr=MODES["usr"], cpsr=A | I)


UNMASKS_A32 = {"cpsie i": I, "cpsie if": I | F, "msr cpsr_c, r0": F | I}
"""And what is masked before; A takes more than MSR's control field."""


@pytest.mark.parametrize("code", UNMASKS_A32)
@pytest.mark.parametrize("gic", [2, 3])
def test_an_unmask_of_a32_takes_the_pending_interrupt_before_the_next_instruction(code: str, gic: int) -> None:
    """CPSIE and MSR CPSR."""
    bench = Arm32Bench(a32("nop", code, "mov r7, #1"), "svc", UNMASKS_A32[code], gic=gic, r0=MODES["svc"])
    bench.raise_irq()
    bench.step(3)
    bench.assert_taken(INTID, IRQ32, "irq", after=2, lr=CODE + 12, spsr=MODES["svc"], cpsr=A | I)
    assert bench.cpu["r7"] == 0


UNMASKS_T32 = ["cpsie i", "msr cpsr_c, r0"]


@pytest.mark.parametrize("code", UNMASKS_T32)
def test_an_unmask_of_t32_takes_the_pending_interrupt_before_the_next_instruction(code: str) -> None:
    """CPSIE is two bytes long, MSR four."""
    bench = Arm32Bench(t32("nop", code, "movs r7, #1"), "svc", I, thumb=True, r0=MODES["svc"])
    bench.raise_irq()
    bench.step(3)
    behind = CODE + 2 + len(t32(code))
    bench.assert_taken(INTID, IRQ32, "irq", after=2, lr=behind + 4, spsr=MODES["svc"] | T, cpsr=A | I)
    assert bench.cpu["r7"] == 0


RETURNS = {
    "SUBS PC": a32("subs pc, lr, #4"),
    "LDM with ^": a32("ldm sp!, {r0, pc} ^"),
    "RFE": a32("rfeia sp!"),
}


@pytest.mark.parametrize("how", RETURNS)
@pytest.mark.parametrize("state", [0, T])
def test_a_return_that_unmasks_takes_the_pending_interrupt_before_the_first_instruction_there(
    how: str, state: int
) -> None:
    """DDI0406 B1.9.12: CPSR is SPSR's at the boundary behind the return."""
    target = CODE + 0x40
    bench = Arm32Bench(RETURNS[how], "abt", AIF)
    bench.memory.write(target, t32("movs r7, #1") if state else a32("mov r7, #1"))
    bench.registers(lr=target + 4, spsr=MODES["usr"] | state, sp=STACK32["abt"] - 8)
    psr = MODES["usr"] | state
    bench.write(STACK32["abt"] - 8, *((0, target) if how == "LDM with ^" else (target, psr)))
    bench.raise_irq()
    bench.step(2)
    bench.assert_taken(INTID, IRQ32, "irq", after=1, lr=target + 4, spsr=psr, cpsr=A | I)
    assert bench.cpu["r7"] == 0


MASKS_A32 = ["cpsid i", "msr cpsr_c, r1"]


@pytest.mark.parametrize("code", MASKS_A32)
def test_a_mask_of_a32_keeps_out_the_interrupt_that_comes_with_the_instruction_behind_it(code: str) -> None:
    """The line rises while I is set already."""
    bench = Arm32Bench(a32(code, "str r2, [r3]", "nop"), "svc", 0, r1=MODES["svc"] | I, r2=1, r3=TESTDEV + 4 * PIN)
    bench.enable(INTID)
    bench.step(4)
    assert (bench.numbers, bench.machine.gic.dist.pending) == ([], frozenset({INTID}))


def test_cpsie_and_cpsid_back_to_back_leave_one_boundary() -> None:
    """The interrupt is taken between the two."""
    bench = Arm32Bench(a32("cpsie i", "cpsid i"), "svc", I)
    bench.raise_irq()
    bench.step(2)
    bench.assert_taken(INTID, IRQ32, "irq", after=1, lr=CODE + 8, spsr=MODES["svc"], cpsr=A | I)


@pytest.mark.parametrize(("mask", "first"), [(0, SERROR_CLASS), (A, FIQ_INTID), (A | F, SCRIPTED)])
def test_each_mask_of_cpsr_holds_its_own_kind_alone(mask: int, first: int) -> None:
    """DDI0406 B1.3.3."""
    bench = Arm32Bench(a32("nop"), "sys", mask)
    all_pending(bench)
    bench.step()
    assert bench.numbers[0] == first
