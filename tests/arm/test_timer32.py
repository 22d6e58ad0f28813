"""Rule 27 on ARMv7-A: the same timers through CP15 c14, by MRC and MCR and by MRRC and MCRR (DDI0406 B8.1)."""

from __future__ import annotations

from typing import Any

import pytest

from arm.arm_bench import CODE, DATA, IRQ32, MODES, UNDEFINED32, A, Arm32Bench, I, T
from arm.opcodes import a32, t32

TICK_AN_INSTRUCTION = ",insn_ns=16"
ENABLE, IMASK, ISTATUS = 1, 2, 4
PHYSICAL, VIRTUAL = 30, 27
NOPS = a32("nop") * 30
UNDEFINED_CLASS, TRAPPED_MCR, TRAPPED_MCRR = 0x00, 0x03, 0x04
"""DDI0406 table B3-25: what HSR.EC calls a trapped access of CP15; in PL1 it is an Undefined Instruction exception."""

FREQUENCY_A32 = "mrc p15, #0, r0, c14, c0, #0"
SET_VALUE_A32 = {
    PHYSICAL: ("mcr p15, #0, r0, c14, c2, #0", "mcr p15, #0, r1, c14, c2, #1"),
    VIRTUAL: ("mcr p15, #0, r0, c14, c3, #0", "mcr p15, #0, r1, c14, c3, #1"),
}
SET_COMPARE_A32 = {
    PHYSICAL: ("mcrr p15, #2, r0, r2, c14", "mcr p15, #0, r1, c14, c2, #1"),
    VIRTUAL: ("mcrr p15, #3, r0, r2, c14", "mcr p15, #0, r1, c14, c3, #1"),
}


def timed(code: bytes, mode: str = "svc", cpsr: int = 0, **registers: Any) -> Arm32Bench:
    """A tick is an instruction."""
    bench = Arm32Bench(code + NOPS, mode, cpsr, board=TICK_AN_INSTRUCTION, **registers)
    for intid in (PHYSICAL, VIRTUAL):
        bench.enable(intid)
    return bench


COUNTERS_A32 = ["mrrc p15, #0, r0, r1, c14", "mrrc p15, #1, r0, r1, c14"]


@pytest.mark.parametrize("code", COUNTERS_A32)
def test_mrrc_reads_the_counter(code: str) -> None:
    """CNTPCT and CNTVCT: the seventh instruction reads 7."""
    bench = timed(a32("nop") * 6 + a32(code), r1=0xFFFF)
    bench.step(7)
    assert (bench.cpu["r0"], bench.cpu["r1"]) == (7, 0)


def test_the_upper_word_of_the_counter_follows_time() -> None:
    """WFI jumps beyond 2**32 ticks."""
    code = a32(*SET_COMPARE_A32[VIRTUAL], "wfi", "mrrc p15, #1, r0, r1, c14")
    bench = timed(code, "svc", I, r0=5, r2=1, r1=ENABLE)
    bench.machine._native.idle_ns = 1 << 40
    bench.step(4)
    assert (bench.cpu["r0"], bench.cpu["r1"]) == (6, 1)


def test_cntfrq_is_62_5_mhz() -> None:
    """Set by firmware, here by reset."""
    bench = timed(a32(FREQUENCY_A32))
    bench.step()
    assert bench.cpu["r0"] == 62_500_000


@pytest.mark.parametrize("intid", [PHYSICAL, VIRTUAL])
@pytest.mark.parametrize("compare", [2, 9, 20])
def test_a_timer_interrupts_where_the_counter_reaches_its_64_bit_compare_value(intid: int, compare: int) -> None:
    """DDI0406 B8.1.4."""
    bench = timed(a32(*SET_COMPARE_A32[intid]), r0=compare, r1=ENABLE, r2=0)
    bench.step(compare + 1)
    bench.assert_taken(intid, IRQ32, "irq", after=compare, lr=CODE + 4 * compare + 4, spsr=MODES["svc"], cpsr=A | I)
    assert bench.deliveries[0].source == "PPI"


@pytest.mark.parametrize("intid", [PHYSICAL, VIRTUAL])
@pytest.mark.parametrize("value", [5, 12])
def test_a_timer_value_counts_from_the_instruction_that_writes_it(intid: int, value: int) -> None:
    """DDI0406 B8.1.5: the first instruction, so 1 + value."""
    bench = timed(a32(*SET_VALUE_A32[intid]), r0=value, r1=ENABLE)
    due = 1 + value
    bench.step(due + 1)
    bench.assert_taken(intid, IRQ32, "irq", after=due, lr=CODE + 4 * due + 4, spsr=MODES["svc"], cpsr=A | I)


def test_a_negative_timer_value_is_sign_extended() -> None:
    """CVAL = 5 - 3."""
    code = a32("nop") * 4 + a32(
        "mcr p15, #0, r0, c14, c3, #0", "mrrc p15, #3, r2, r3, c14", "mrc p15, #0, r4, c14, c3, #0"
    )
    bench = timed(code, r0=0xFFFFFFFD, r3=77)
    bench.step(7)
    assert (bench.cpu["r2"], bench.cpu["r3"], bench.cpu["r4"]) == (2, 0, (2 - 7) & 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("control", "status", "line"),
    [(ENABLE, ENABLE | ISTATUS, True), (ENABLE | IMASK, ENABLE | IMASK | ISTATUS, False), (IMASK, IMASK, False)],
)
def test_istatus_is_the_condition_whatever_imask_says(control: int, status: int, line: bool) -> None:
    """DDI0406 B4.1.27."""
    bench = timed(a32(*SET_COMPARE_A32[VIRTUAL], "mrc p15, #0, r3, c14, c3, #1"), "svc", I, r0=1, r1=control, r2=0)
    bench.step(3)
    assert (bench.cpu["r3"], VIRTUAL in bench.machine.gic.cpu[0].asserted) == (status, line)


def test_the_line_drops_when_the_timer_is_disabled() -> None:
    """It is a level."""
    bench = timed(a32(*SET_COMPARE_A32[VIRTUAL], "mcr p15, #0, r3, c14, c3, #1"), "svc", I, r0=1, r1=ENABLE, r2=0, r3=0)
    bench.step(2)
    assert VIRTUAL in bench.machine.gic.cpu[0].asserted
    bench.step()
    assert VIRTUAL not in bench.machine.gic.cpu[0].asserted


def test_code_that_is_written_after_the_first_run_sees_the_same_timer() -> None:
    """Nothing depends on what was translated when; also code that overwrites code."""
    bench = timed(a32("nop"), r0=0)
    bench.step(4)
    late = DATA
    bench.cpu.write(late, a32("mrrc p15, #1, r2, r3, c14", "b #0"))
    bench.cpu["pc"] = late
    bench.step()
    assert (bench.cpu["r2"], bench.cpu["r3"]) == (5, 0)
    bench.cpu.write(late, a32(FREQUENCY_A32))
    bench.cpu["pc"] = late
    bench.step()
    assert bench.cpu["r0"] == 62_500_000


def test_code_that_the_guest_writes_itself_sees_the_same_timer() -> None:
    """A store of an MRRC right before it runs."""
    word = int.from_bytes(a32("mrrc p15, #1, r2, r3, c14"), "little")
    bench = timed(a32("str r0, [r1]", "bx r1"), r0=word, r1=DATA)
    bench.step(3)
    assert (bench.cpu["r2"], bench.cpu["r3"]) == (3, 0)


def test_t32_reaches_the_same_registers() -> None:
    """Encodings T1 of MRRC and MCR."""
    code = (
        t32("mrrc p15, #1, r2, r3, c14", "mcr p15, #0, r0, c14, c3, #0", "mcr p15, #0, r1, c14, c3, #1")
        + t32("nop") * 9
    )
    bench = Arm32Bench(code, "svc", 0, thumb=True, board=TICK_AN_INSTRUCTION, r0=4, r1=ENABLE)
    bench.enable(VIRTUAL)
    bench.step(7)
    assert bench.cpu["r2"] == 1
    bench.assert_taken(VIRTUAL, IRQ32, "irq", after=6, lr=CODE + 12 + 2 * 3 + 4, spsr=MODES["svc"] | T, cpsr=A | I)


PCTEN, VCTEN, VTEN, PTEN = 1, 2, 1 << 8, 1 << 9
ACCESS_A32 = {
    "mrrc p15, #0, r0, r1, c14": (PCTEN, TRAPPED_MCRR),
    "mrrc p15, #1, r0, r1, c14": (VCTEN, TRAPPED_MCRR),
    "mrrc p15, #2, r0, r1, c14": (PTEN, TRAPPED_MCRR),
    "mcrr p15, #3, r0, r1, c14": (VTEN, TRAPPED_MCRR),
    "mrc p15, #0, r0, c14, c2, #0": (PTEN, TRAPPED_MCR),
    "mcr p15, #0, r0, c14, c2, #1": (PTEN, TRAPPED_MCR),
    "mcr p15, #0, r0, c14, c3, #0": (VTEN, TRAPPED_MCR),
    "mrc p15, #0, r0, c14, c3, #1": (VTEN, TRAPPED_MCR),
}
"""The bit of CNTKCTL that lets PL0 in, and the class of the access."""


@pytest.mark.parametrize("code", ACCESS_A32)
def test_user_mode_is_refused_unless_its_bit_of_cntkctl_is_set(code: str) -> None:
    """DDI0406 B4.1.26: an Undefined Instruction exception."""
    bit, number = ACCESS_A32[code]
    bench = timed(a32(code), "usr", cntkctl=0x303 & ~bit)
    bench.step()
    bench.assert_taken(number, UNDEFINED32, "und", after=1, lr=CODE + 4, spsr=MODES["usr"], cpsr=I)
    bench = timed(a32(code), "usr", cntkctl=bit)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


@pytest.mark.parametrize(("bits", "refused"), [(0, True), (PCTEN, False), (VCTEN, False), (VTEN | PTEN, True)])
def test_user_mode_reads_cntfrq_with_either_counter(bits: int, refused: bool) -> None:
    """DDI0406 B4.1.20."""
    bench = timed(a32(FREQUENCY_A32), "usr", cntkctl=bits)
    bench.step()
    assert bool(bench.numbers) is refused


def test_cntfrq_and_cntkctl_are_not_user_modes_to_write() -> None:
    """DDI0406 B4.1.20, B4.1.26: PL1 only."""
    for code in PL1_A32:
        bench = timed(a32(code), "usr", cntkctl=0x303)
        bench.step()
        bench.assert_taken(UNDEFINED_CLASS, UNDEFINED32, "und", after=1, lr=CODE + 4, spsr=MODES["usr"], cpsr=I)


PL1_A32 = ["mcr p15, #0, r0, c14, c0, #0", "mrc p15, #0, r0, c14, c1, #0"]
