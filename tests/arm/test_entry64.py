"""Rule 25, A64: what an exception leaves in ELR, SPSR, ESR, FAR, PSTATE, SP and PC (DDI0487 D1.10, D13.2.37)."""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    AIF,
    BRK,
    CODE,
    DAIF,
    DATA,
    EL0,
    EL1H,
    EL1T,
    EL1T_GROUP,
    ELXH_GROUP,
    FIQ,
    FIQ_INTID,
    IL,
    INTID,
    IRQ,
    LOWER_A64,
    NZCV,
    PC_ALIGNMENT,
    PIN,
    SCTLR_RES1,
    SERROR,
    SERROR_CLASS,
    STACK64,
    SVC,
    SYNC,
    SYSREG,
    UNKNOWN,
    VECTORS,
    A,
    Arm64Bench,
    D,
    F,
    I,
    syndrome,
)  # fmt: skip
from arm.opcodes import a32, a64, t32

GROUPS = [(EL0, LOWER_A64), (EL1T, EL1T_GROUP), (EL1H, ELXH_GROUP)]
"""Where an exception to EL1 comes from, and which part of the table it goes to (DDI0487 table D1-6)."""


@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_svc_returns_behind_itself_with_its_immediate_in_the_syndrome(source: int, group: int) -> None:
    """DDI0487 D1.10.1: the preferred return address of SVC is the next instruction."""
    bench = Arm64Bench(a64("svc #0x1234"), source)
    bench.step()
    bench.assert_taken(SVC, group + SYNC, after=1, elr=CODE + 4, spsr=source, esr=syndrome(SVC, 0x1234))


@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_brk_returns_to_itself_with_its_immediate_in_the_syndrome(source: int, group: int) -> None:
    """DDI0487 D1.10.1: of all other synchronous exceptions it is the instruction itself."""
    bench = Arm64Bench(a64("brk #0xabcd"), source)
    bench.step()
    bench.assert_taken(BRK, group + SYNC, after=1, elr=CODE, spsr=source, esr=syndrome(BRK, 0xABCD))


UNDEFINED_A64 = ["udf #0", "hvc #0x17", "smc #0x17"]


@pytest.mark.parametrize("code", UNDEFINED_A64)
@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_an_undefined_instruction_has_class_0_and_so_have_hvc_and_smc_without_el2_and_el3(
    code: str, source: int, group: int
) -> None:
    """DDI0487 C6.2 HVC, SMC: UNDEFINED where EL2 (EL3) is not implemented; EC 0, ISS 0, IL 1."""
    bench = Arm64Bench(a64(code), source | D)
    bench.step()
    bench.assert_taken(UNKNOWN, group + SYNC, after=1, elr=CODE, spsr=source | D, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_an_irq_is_taken_before_the_instruction_that_elr_points_to(source: int, group: int) -> None:
    """DDI0487 D1.10.1: the first instruction that did not execute. No instruction has begun."""
    bench = Arm64Bench(a64("nop"), source)
    bench.raise_irq()
    bench.step()
    bench.assert_taken(INTID, group + IRQ, after=0, elr=CODE, spsr=source)
    assert bench.deliveries[0].source == "SPI 40"


@pytest.mark.parametrize("gic", [2, 3])
@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_a_fiq_has_a_vector_of_its_own(source: int, group: int, gic: int) -> None:
    """DDI0487 table D1-6; group 0 interrupts are FIQs with both GICs."""
    bench = Arm64Bench(a64("nop"), source | I, gic=gic)
    bench.raise_fiq()
    bench.step()
    bench.assert_taken(FIQ_INTID, group + FIQ, after=0, elr=CODE, spsr=source | I)


@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_an_serror_carries_the_syndrome_it_was_given(source: int, group: int) -> None:
    """DDI0487 D13.2.37: EC 0x2F with the 25 bits of ISS, here IDS and 0x42."""
    bench = Arm64Bench(a64("nop", "nop"), source | I | F)
    bench.step()
    bench.cpu.serror(1 << 24 | 0x42)
    bench.step()
    bench.assert_taken(
        SERROR_CLASS, group + SERROR, after=1, elr=CODE + 4, spsr=source | I | F,
        esr=syndrome(SERROR_CLASS, 1 << 24 | 0x42),
    )  # fmt: skip
    assert bench.deliveries[0].source == "SError"
    bench.cpu["pstate"] = EL1H
    bench.step(2)
    assert bench.numbers == [SERROR_CLASS], "an SError is taken once"


@pytest.mark.parametrize("flags", [0, NZCV, 0xA << 28, 0x5 << 28])
@pytest.mark.parametrize("masks", [0, D, A, I, F, DAIF])
def test_spsr_is_pstate_as_it_was(flags: int, masks: int) -> None:
    """DDI0487 C5.2.19: NZCV in 31-28, DAIF in 9-6, M in 4-0. PSTATE's flags stay as they are."""
    bench = Arm64Bench(a64("svc #0"), EL1T | masks | flags)
    bench.step()
    assert bench.cpu["spsr_el1"] == EL1T | masks | flags
    assert bench.cpu.pstate & ~NZCV == EL1H | DAIF


def test_an_exception_selects_sp_el1_and_keeps_the_stack_pointer_of_its_source() -> None:
    """DDI0487 D1.8.2: PSTATE.SP is 1 after every exception."""
    bench = Arm64Bench(a64("add sp, sp, #0x20", "svc #0"), EL1T)
    bench.step(2)
    assert (bench.cpu["sp"], bench.cpu["sp_el0"]) == (STACK64[1], STACK64[0] + 0x20)


def test_an_exception_inside_a_handler_goes_to_the_group_of_sp_elx_and_overwrites_elr() -> None:
    """DDI0487 D1.10.2; nothing is stacked."""
    bench = Arm64Bench(a64("svc #1"), EL0)
    bench.memory.write(VECTORS[1] + LOWER_A64, a64("svc #2"))
    bench.step(2)
    bench.assert_taken(SVC, ELXH_GROUP, after=2, elr=VECTORS[1] + LOWER_A64 + 4, spsr=EL1H | DAIF, esr=syndrome(SVC, 2))


# ---- what EL0 may not do ----

FORBIDDEN_A64 = {
    "mrs x3, sctlr_el1": (3, 0, 1, 0, 0, 3, 1),
    "msr vbar_el1, x7": (3, 0, 12, 0, 0, 7, 0),
    "msr daifset, #2": (0, 3, 4, 2, 6, 31, 0),
    "msr daifclr, #0xf": (0, 3, 4, 15, 7, 31, 0),
    "mrs x5, daif": (3, 3, 4, 2, 1, 5, 1),
    "tlbi vmalle1": (1, 0, 8, 7, 0, 31, 0),
}
"""op0, op1, CRn, CRm, op2, Rt and direction (1: read) of each."""

CLASS_24 = ["msr daifset, #2", "msr daifclr, #0xf", "mrs x5, daif"]
"""SCTLR_EL1.UMA traps these with EC 0x18; the others are UNDEFINED at EL0 (DDI0487 D13.2.37, C5.2.2)."""


@pytest.mark.parametrize("code", CLASS_24)
def test_daif_from_el0_is_trapped_with_the_access_in_the_syndrome(code: str) -> None:
    """DDI0487 D13.2.118 SCTLR_EL1.UMA = 0; the ISS of EC 0x18 is Op0, Op2, Op1, CRn, Rt, CRm and the direction."""
    op0, op1, crn, crm, op2, rt, read = FORBIDDEN_A64[code]
    iss = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | read
    bench = Arm64Bench(a64(code), EL0)
    bench.step()
    bench.assert_taken(SYSREG, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(SYSREG, iss))


@pytest.mark.parametrize("code", [code for code in FORBIDDEN_A64 if code not in CLASS_24])
def test_a_register_of_el1_does_not_exist_at_el0(code: str) -> None:
    """DDI0487 C5.2 and D12.3, `if PSTATE.EL == EL0 then UNDEFINED`."""
    bench = Arm64Bench(a64(code), EL0)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))


def test_daif_is_el0s_where_uma_says_so() -> None:
    """SCTLR_EL1.UMA = 1."""
    bench = Arm64Bench(a64("msr daifset, #2", "nop"), EL0, sctlr_el1=SCTLR_RES1 | 1 << 9)
    bench.step(2)
    assert (bench.numbers, bench.cpu.pstate) == ([], EL0 | I)


def test_eret_does_not_exist_at_el0() -> None:
    """DDI0487 C6.2 ERET: UNDEFINED at EL0."""
    bench = Arm64Bench(a64("eret"), EL0)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))


# ---- alignment of PC and SP ----


@pytest.mark.parametrize(("source", "group"), GROUPS)
def test_a_branch_to_an_unaligned_address_is_a_pc_alignment_fault_there(source: int, group: int) -> None:
    """DDI0487 D1.11.5: ELR and FAR are the address; EC 0x22, ISS 0. The branch itself is complete."""
    bench = Arm64Bench(a64("br x1"), source, x1=DATA + 2)
    bench.step(2)
    bench.assert_taken(
        PC_ALIGNMENT, group, after=2, elr=DATA + 2, spsr=source, esr=syndrome(PC_ALIGNMENT), far=DATA + 2
    )


# ---- ERET ----


@pytest.mark.parametrize(("target", "stack"), [(EL0, 0), (EL1T, 0), (EL1H, 1)])
def test_eret_goes_to_elr_with_the_state_of_spsr(target: int, stack: int) -> None:
    """DDI0487 C6.2 ERET, D1.11."""
    bench = Arm64Bench(a64("eret"), spsr_el1=target | F | 0x6 << 28, elr_el1=CODE + 0x40)
    bench.memory.write(CODE + 0x40, a64("nop", "b #0"))
    bench.step()
    assert (bench.cpu.pc, bench.cpu.pstate, bench.cpu["sp"]) == (CODE + 0x40, target | F | 0x6 << 28, STACK64[stack])
    bench.step()
    assert (bench.cpu.pc, bench.numbers) == (CODE + 0x44, [])


ILLEGAL_STATES = {
    "EL2, which is not there": 0b01001,
    "EL3, which is not there": 0b01101,
    "SP_EL1 at EL0": 0b00001,
    "a reserved M[1]": 0b00110,
}


@pytest.mark.parametrize("why", ILLEGAL_STATES)
def test_an_eret_to_a_state_that_does_not_exist_sets_il_and_the_next_instruction_is_the_exception(why: str) -> None:
    """DDI0487 D1.11.4: EL and SP stay, PC is ELR, DAIF and NZCV come from SPSR; then EC 0x0E with ISS 0."""
    spsr = ILLEGAL_STATES[why] | I | F | 0x9 << 28
    bench = Arm64Bench(a64("eret"), spsr_el1=spsr, elr_el1=CODE + 0x40)
    bench.memory.write(CODE + 0x40, a64("mov x9, #1"))
    bench.step()
    left = EL1H | I | F | 0x9 << 28 | IL
    assert (bench.cpu.pc, hex(bench.cpu.pstate)) == (CODE + 0x40, hex(left))
    bench.step()
    event = bench.deliveries[0]
    assert (event.number, event.vector_offset, event.pc, event.flags) == (0x0E, ELXH_GROUP, CODE + 0x40, left)
    assert bench.cpu["esr_el1"] == syndrome(0x0E)
    assert bench.cpu.pstate & ~NZCV == EL1H | DAIF, "IL is clear in the handler"
    assert bench.cpu["x9"] == 0


def test_an_interrupt_comes_before_the_illegal_state_exception_which_comes_after_its_eret() -> None:
    """DDI0487 D1.13.4: IL in SPSR brings the illegal state back."""
    bench = Arm64Bench(a64("eret"), spsr_el1=0b01001, elr_el1=CODE + 0x40)
    bench.memory.write(VECTORS[1] + ELXH_GROUP + IRQ, a64("eret"))
    bench.raise_irq()
    bench.step(1)
    bench.machine.run(until=VECTORS[1] + ELXH_GROUP + IRQ, insns=10)
    assert bench.cpu["spsr_el1"] == EL1H | IL
    bench.machine.irq(PIN).lower()
    bench.step(2)
    assert bench.numbers == [INTID, 0x0E]
    assert bench.cpu["elr_el1"] == CODE + 0x40


def test_the_masks_after_entry_keep_every_further_interrupt_out() -> None:
    """DDI0487 D1.10.4: DAIF are all set."""
    bench = Arm64Bench(a64("svc #0"), EL1H)
    bench.step()
    bench.raise_irq()
    bench.raise_fiq()
    bench.cpu.serror()
    bench.step(5)
    assert bench.numbers == [SVC]
    bench.cpu["pstate"] = EL1H | AIF & ~A
    bench.step()
    assert bench.numbers == [SVC, SERROR_CLASS]


def test_the_low_bits_of_vbar_do_not_count() -> None:
    """DDI0487 J1.1 AArch64.TakeException: the vector is VBAR[63:11] with the offset below."""
    bench = Arm64Bench(a64("svc #0"), EL1H)
    bench.cpu["vbar_el1"] = VECTORS[1] | 0x7E0
    bench.step()
    assert (bench.numbers, hex(bench.cpu.pc)) == ([SVC], hex(VECTORS[1] + ELXH_GROUP))


def test_an_exception_and_its_return_clear_the_exclusive_monitor() -> None:
    """DDI0487 B2.9.5: ERET clears it, so the store that was interrupted fails and the loop tries again."""
    bench = Arm64Bench(a64("ldxr x2, [x1]", "svc #0", "stxr w3, x4, [x1]", "stxr w5, x4, [x1]"), EL1H, x1=DATA, x4=9)
    bench.memory.write(VECTORS[1] + ELXH_GROUP, a64("eret"))
    bench.step(4)
    assert (bench.cpu.pc, bench.cpu["x3"], bench.machine.u32(DATA)) == (CODE + 12, 1, 0)


PAN, SPAN = 1 << 22, 1 << 23
"""Of PSTATE, and of SCTLR_EL1."""


@pytest.mark.parametrize(("span", "source", "after"), [(0, 0, PAN), (SPAN, 0, 0), (SPAN, PAN, PAN), (0, PAN, PAN)])
def test_pan_is_set_by_an_entry_to_el1_unless_span_says_so(span: int, source: int, after: int) -> None:
    """DDI0487 D5.4.3 on a processor with FEAT_PAN: SCTLR_EL1.SPAN keeps it as it is; SPSR has what it was."""
    bench = Arm64Bench(a64("svc #0"), EL1H | source, cpu="max", sctlr_el1=SCTLR_RES1 & ~SPAN | span)
    bench.step()
    assert hex(bench.cpu.pstate) == hex(EL1H | DAIF | after)
    assert hex(bench.cpu["spsr_el1"]) == hex(EL1H | source)


# ---- AArch32 at EL0 ----

USR32, T32 = 0x10, 0x20
LOWER_A32 = 0x600


def user32(code: bytes, spsr: int = USR32) -> Arm64Bench:
    """About to return to AArch32 code at DATA."""
    bench = Arm64Bench(a64("eret"), spsr_el1=spsr, elr_el1=DATA)
    bench.memory.write(DATA, code)
    return bench


@pytest.mark.parametrize("thumb", [False, True])
def test_an_svc_of_an_aarch32_application_goes_to_the_last_group(thumb: bool) -> None:
    """DDI0487 table D1-6: 0x600; EC 0x11; ELR is behind it, SPSR an AArch32 state."""
    state = USR32 | (T32 if thumb else 0)
    bench = user32(t32("svc #0x42") if thumb else a32("svc #0x42"), state)
    bench.step(2)
    il = 0 if thumb else 1 << 25
    bench.assert_taken(0x11, LOWER_A32, after=2, elr=DATA + (2 if thumb else 4), spsr=state, esr=0x11 << 26 | il | 0x42)


@pytest.mark.parametrize("thumb", [False, True])
def test_an_irq_of_an_aarch32_application_goes_to_the_last_group(thumb: bool) -> None:
    """DDI0487 D1.20.1: its registers are the lower halves of X0 to X14."""
    state = USR32 | (T32 if thumb else 0)
    bench = user32(t32("movs r7, #1", "nop") if thumb else a32("mov r7, #1", "nop"), state)
    bench.step(2)
    bench.raise_irq()
    bench.step()
    bench.assert_taken(INTID, LOWER_A32 + IRQ, after=2, elr=DATA + (2 if thumb else 4), spsr=state)
    assert bench.cpu["x7"] == 1


def test_an_undefined_instruction_of_an_aarch32_application_is_class_0() -> None:
    """ELR is the instruction itself: there is no LR to correct."""
    bench = user32(a32("udf #0"))
    bench.step(2)
    bench.assert_taken(UNKNOWN, LOWER_A32, after=2, elr=DATA, spsr=USR32, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize(("begun", "offset", "state"), [(1, 2, 0b0001100), (2, 4, 0b00011000)])
def test_an_irq_in_an_it_block_of_an_aarch32_application_keeps_the_blocks_state(
    begun: int, offset: int, state: int
) -> None:
    """DDI0487 C5.2.19: SPSR_EL1 has IT[7:2] in bits 15-10 and IT[1:0] in 26-25; ITE EQ with Z set."""
    bench = user32(t32("ite eq", "movs r0, #1", "movs r2, #3", "nop"), USR32 | T32 | 1 << 30)
    bench.step(1 + begun)
    bench.raise_irq()
    bench.step()
    psr = USR32 | T32 | 1 << 30 | (state & 3) << 25 | state >> 2 << 10
    event = bench.deliveries[-1]
    assert (event.number, event.insns, hex(event.pc), hex(event.flags)) == (
        INTID,
        1 + begun,
        hex(DATA + offset),
        hex(psr),
    )
