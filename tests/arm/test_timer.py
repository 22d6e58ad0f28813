"""Rule 27: the generic timer of AArch64 (DDI0487 D11.2, D13.8) on the machine's virtual clock.

With insn_ns=16 a tick of 62.5 MHz is one instruction: the counter is the number of instructions begun, and a timer
whose compare value is n interrupts at the boundary behind the n-th.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from arm.arm_bench import (
    CODE,
    EL0,
    EL1H,
    EL2H,
    EL3H,
    ELXH_GROUP,
    INTID,
    IRQ,
    LOWER_A64,
    SYSREG,
    UNKNOWN,
    VECTORS,
    Arm64Bench,
    I,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64

TICK_AN_INSTRUCTION = ",insn_ns=16"
ENABLE, IMASK, ISTATUS = 1, 2, 4
NOPS = a64("nop") * 40
SECURE, PHYSICAL, VIRTUAL, HYPERVISOR = 29, 30, 27, 26
"""The PPIs of the virt board."""
VIRTUAL_SET_A64 = ("msr cntv_cval_el0, x0", "msr cntv_ctl_el0, x1")
PHYSICAL_SET_A64 = ("msr cntp_cval_el0, x0", "msr cntp_ctl_el0, x1")
HYPERVISOR_SET_A64 = ("msr cnthp_cval_el2, x0", "msr cnthp_ctl_el2, x1")
SECURE_SET_A64 = ("msr cntps_cval_el1, x0", "msr cntps_ctl_el1, x1")
RW, IMO, NS, SCR_IRQ, SCR_RW = 1 << 31, 1 << 4, 1, 2, 1 << 10
MASK64 = (1 << 64) - 1

TIMERS = [
    (PHYSICAL, PHYSICAL_SET_A64, EL1H, 1, "", {}),
    (VIRTUAL, VIRTUAL_SET_A64, EL1H, 1, "", {}),
    (HYPERVISOR, HYPERVISOR_SET_A64, EL2H, 2, ",virtualization=on", {"hcr_el2": RW | IMO}),
    (SECURE, SECURE_SET_A64, EL3H, 3, ",secure=on", {"scr_el3": NS | SCR_IRQ | SCR_RW}),
]
"""PPI, how compare and control are written, where from, to which level it interrupts, board and registers."""
LOWER_TIMERS = [row[:2] for row in TIMERS[:2]]


def timed(code: bytes, pstate: int = EL1H, board: str = "", **registers: Any) -> Arm64Bench:
    """A tick is an instruction; every timer's interrupt is enabled."""
    bench = Arm64Bench(code + NOPS, pstate, board=TICK_AN_INSTRUCTION + board, **registers)
    for intid in (SECURE, PHYSICAL, VIRTUAL, HYPERVISOR):
        bench.enable(intid)
    return bench


def lines(bench: Arm64Bench) -> frozenset[int]:
    """The PPIs whose line is high."""
    return frozenset(bench.machine.gic.cpu[0].asserted)


# ---- counter and frequency ----

COUNTERS_A64 = ["mrs x0, cntpct_el0", "mrs x0, cntvct_el0"]


@pytest.mark.parametrize("code", COUNTERS_A64)
@pytest.mark.parametrize(("insn_ns", "expected"), [(16, 8), (10, 5), (1, 0), (1000, 500)])
def test_the_counter_is_virtual_time_in_whole_ticks(code: str, insn_ns: int, expected: int) -> None:
    """The eighth instruction reads 8 * insn_ns / 16, rounded down."""
    bench = Arm64Bench(a64("nop") * 7 + a64(code), board=f",insn_ns={insn_ns}")
    bench.step(8)
    assert bench.cpu["x0"] == expected


def test_the_counters_step_by_one_and_host_time_does_not_move_them() -> None:
    """Three reads in a row, with a pause of the host's between."""
    bench = timed(a64("mrs x0, cntvct_el0", "mrs x1, cntvct_el0", "mrs x2, cntvct_el0"))
    bench.step(2)
    time.sleep(0.02)
    bench.step()
    assert [bench.cpu[f"x{n}"] for n in range(3)] == [1, 2, 3]


def test_cntfrq_is_what_firmware_wrote_and_changes_no_rate() -> None:
    """DDI0487 D13.8.6: 62.5 MHz at reset; writable at the highest level; no effect on the counter."""
    bench = timed(a64("mrs x0, cntfrq_el0", "msr cntfrq_el0, x1", "mrs x2, cntfrq_el0", "mrs x3, cntpct_el0"), x1=1000)
    bench.step(4)
    assert [bench.cpu[f"x{n}"] for n in (0, 2, 3)] == [62_500_000, 1000, 4]


def test_cntfrq_is_written_at_the_highest_level_alone() -> None:
    """DDI0487 D13.8.6: UNDEFINED below it."""
    bench = timed(a64("msr cntfrq_el0, x1"), EL1H | I, ",virtualization=on", hcr_el2=RW)
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H | I, esr=syndrome(UNKNOWN))


# ---- when each interrupts ----


@pytest.mark.parametrize(("intid", "set_up", "pstate", "el", "board", "registers"), TIMERS)
@pytest.mark.parametrize("compare", [2, 3, 10, 25])
def test_a_timer_interrupts_at_the_boundary_where_the_counter_reaches_its_compare_value(
    intid: int, set_up: tuple[str, str], pstate: int, el: int, board: str, registers: dict[str, int], compare: int
) -> None:
    """DDI0487 D11.2.4; the interrupt is delivered at once, so its latency is 0."""
    bench = timed(a64(*set_up), pstate, board, x0=compare, x1=ENABLE, **registers)
    bench.step(compare + 1)
    bench.assert_taken(intid, ELXH_GROUP + IRQ, el=el, after=compare, elr=CODE + 4 * compare, spsr=pstate)
    assert (bench.deliveries[0].source, bench.deliveries[0].value) == ("PPI", 0)


@pytest.mark.parametrize(("ticks", "instructions"), [(10, 16), (11, 18), (12, 20), (13, 21), (100, 160)])
def test_a_tick_between_two_instructions_counts_at_the_boundary_behind_it(ticks: int, instructions: int) -> None:
    """10 ns an instruction, 16 ns a tick: never early, at most one instruction late."""
    bench = Arm64Bench(a64(*VIRTUAL_SET_A64) + a64("nop") * 200, EL1H, x0=ticks, x1=ENABLE)
    bench.enable(VIRTUAL)
    bench.step(instructions + 1)
    bench.assert_taken(VIRTUAL, ELXH_GROUP + IRQ, after=instructions, elr=CODE + 4 * instructions, spsr=EL1H)


@pytest.mark.parametrize("compare", [0, 1])
@pytest.mark.parametrize(("intid", "set_up"), LOWER_TIMERS)
def test_a_compare_value_that_is_past_interrupts_behind_the_enable(
    intid: int, set_up: tuple[str, str], compare: int
) -> None:
    """DDI0487 D11.2.4: the condition is >=."""
    bench = timed(a64(*set_up), x0=compare, x1=ENABLE)
    bench.step(3)
    bench.assert_taken(intid, ELXH_GROUP + IRQ, after=2, elr=CODE + 8, spsr=EL1H)


def test_the_greatest_compare_value_never_interrupts() -> None:
    """Unsigned 64 bits."""
    bench = timed(a64(*VIRTUAL_SET_A64), x0=MASK64, x1=ENABLE)
    bench.step(30)
    assert (bench.numbers, lines(bench)) == ([], frozenset())


def test_wfi_jumps_to_the_next_timer() -> None:
    """Time passes, instructions do not; ELR is behind WFI."""
    bench = timed(a64(*VIRTUAL_SET_A64, "wfi", "mrs x2, cntvct_el0"), EL1H | I, x0=100_000, x1=ENABLE)
    bench.step(4)
    assert (bench.numbers, bench.cpu["x2"]) == ([], 100_001)
    bench = timed(a64(*VIRTUAL_SET_A64, "wfi"), x0=100_000, x1=ENABLE)
    bench.step(4)
    bench.assert_taken(VIRTUAL, ELXH_GROUP + IRQ, after=3, elr=CODE + 12, spsr=EL1H)
    assert bench.machine.now_ns == 100_000 * 16 + 16


# ---- views ----

TVAL_A64 = [
    (PHYSICAL, ("msr cntp_tval_el0, x0", "msr cntp_ctl_el0, x1", "mrs x2, cntp_cval_el0", "mrs x3, cntp_tval_el0")),
    (VIRTUAL, ("msr cntv_tval_el0, x0", "msr cntv_ctl_el0, x1", "mrs x2, cntv_cval_el0", "mrs x3, cntv_tval_el0")),
]


@pytest.mark.parametrize(("intid", "code"), TVAL_A64)
@pytest.mark.parametrize("value", [0x10, 0x7FFFFFFF, 0x5_00000010])
def test_tval_sets_the_compare_value_from_now_and_counts_down(intid: int, code: tuple[str, ...], value: int) -> None:
    """DDI0487 D11.2.4, D13.8.26: 32 bits; CVAL = counter + value. The first instruction writes, the fourth reads."""
    bench = timed(a64(*code), x0=value, x1=ENABLE)
    bench.step(4)
    low = value & 0xFFFFFFFF
    assert (bench.cpu["x2"], bench.cpu["x3"]) == (1 + low, low - 3)


@pytest.mark.parametrize(("intid", "code"), TVAL_A64)
def test_a_negative_tval_is_sign_extended_and_interrupts_at_once(intid: int, code: tuple[str, ...]) -> None:
    """DDI0487 D13.8.26: CVAL = counter + SignExtend(TVAL): in the fifth instruction, 5 - 3."""
    bench = timed(a64("nop") * 4 + a64(*code), EL1H | I, x0=0xFFFFFFFD, x1=ENABLE)
    bench.step(8)
    assert (bench.cpu["x2"], bench.cpu["x3"]) == (2, (2 - 8) & 0xFFFFFFFF)
    assert lines(bench) == {intid}
    bench = timed(a64("nop") * 4 + a64(*code), x0=0xFFFFFFFD, x1=ENABLE)
    bench.step(7)
    bench.assert_taken(intid, ELXH_GROUP + IRQ, after=6, elr=CODE + 24, spsr=EL1H)


def test_tval_goes_on_below_zero_after_the_condition_is_met() -> None:
    """DDI0487 D11.2.4: it counts down for ever; upper bits read as zero."""
    code = a64("msr cntv_tval_el0, x0", "nop", "nop", "nop", "mrs x2, cntv_tval_el0")
    bench = timed(code, EL1H | I, x0=2)
    bench.step(5)
    assert bench.cpu["x2"] == 0xFFFFFFFE


# ---- control ----

STATUS_A64 = ("msr cntv_cval_el0, x0", "msr cntv_ctl_el0, x1", "mrs x2, cntv_ctl_el0")


@pytest.mark.parametrize(
    ("compare", "control", "status", "line"),
    [
        (1, ENABLE, ENABLE | ISTATUS, True),
        (1, ENABLE | IMASK, ENABLE | IMASK | ISTATUS, False),
        (1000, ENABLE, ENABLE, False),
        (1000, ENABLE | IMASK, ENABLE | IMASK, False),
        (1, IMASK, IMASK, False),
        (1, 0, 0, False),
        (1, 0xFF, ENABLE | IMASK | ISTATUS, False),
        (1000, ISTATUS | ENABLE, ENABLE, False),
    ],
)
def test_istatus_is_the_condition_whatever_imask_says_and_cannot_be_written(
    compare: int, control: int, status: int, line: bool
) -> None:
    """DDI0487 D13.8.24: the line is ENABLE and condition and not IMASK; reserved bits read as zero."""
    bench = timed(a64(*STATUS_A64), EL1H | I, x0=compare, x1=control)
    bench.step(3)
    assert (bench.cpu["x2"], VIRTUAL in lines(bench)) == (status, line)


def test_clearing_imask_takes_the_waiting_timer_before_the_next_instruction() -> None:
    """It is a level: nothing was lost."""
    bench = timed(
        a64(*VIRTUAL_SET_A64, "nop", "nop", "nop", "msr cntv_ctl_el0, x2"), x0=4, x1=ENABLE | IMASK, x2=ENABLE
    )
    bench.step(7)
    bench.assert_taken(VIRTUAL, ELXH_GROUP + IRQ, after=6, elr=CODE + 24, spsr=EL1H)
    assert len(bench.deliveries) == 1


DROPS_A64 = ["msr cntv_ctl_el0, x2", "msr cntv_ctl_el0, x3", "msr cntv_cval_el0, x4", "msr cntv_tval_el0, x4"]


@pytest.mark.parametrize("code", DROPS_A64)
def test_the_line_drops_with_the_instruction_that_ends_the_condition(code: str) -> None:
    """Disable, IMASK, a later compare value: the level goes, and with it the pending interrupt."""
    bench = timed(a64(*VIRTUAL_SET_A64, "nop", code), EL1H | I, x0=3, x1=ENABLE, x2=0, x3=ENABLE | IMASK, x4=0x10000)
    bench.step(3)
    assert lines(bench) == {VIRTUAL}
    bench.step()
    assert (lines(bench), bench.machine.gic.cpu[0].pending) == (frozenset(), frozenset())
    bench.cpu["pstate"] = EL1H
    bench.step(2)
    assert bench.numbers == []


def test_a_timer_that_is_not_silenced_interrupts_again_after_the_return() -> None:
    """Level-sensitive: acknowledge and end change nothing of the line."""
    bench = timed(a64(*VIRTUAL_SET_A64), x0=4, x1=ENABLE)
    bench.memory.write(VECTORS[1] + ELXH_GROUP + IRQ, a64("eret"))
    bench.step(8)
    assert [event.insns for event in bench.deliveries] == [4, 5, 6, 7]
    assert {event.pc for event in bench.deliveries} == {CODE + 16}


def test_two_timers_are_two_lines() -> None:
    """The lower INTID of equal priority is signalled."""
    bench = timed(a64(*VIRTUAL_SET_A64, *PHYSICAL_SET_A64), EL1H | I, x0=4, x1=ENABLE)
    bench.step(6)
    assert lines(bench) == {VIRTUAL, PHYSICAL}
    bench.cpu["pstate"] = EL1H
    bench.step()
    assert bench.numbers == [VIRTUAL]


# ---- the virtual offset ----


def hypervisor(code: bytes, pstate: int, cntvoff: int, **registers: int) -> Arm64Bench:
    bench = timed(code, pstate, ",virtualization=on", hcr_el2=RW, **registers)
    bench.system(3, 4, 14, 0, 3, cntvoff)
    return bench


def test_cntvoff_is_taken_from_the_virtual_counter_alone() -> None:
    """DDI0487 D11.2.3, modulo 2**64."""
    code = a64("mrs x0, cntvct_el0", "mrs x1, cntpct_el0")
    bench = hypervisor(code, EL1H, 5)
    bench.system(3, 4, 14, 1, 0, 3)
    bench.step(2)
    assert (bench.cpu["x0"], bench.cpu["x1"]) == ((1 - 5) & MASK64, 2)


def test_the_virtual_timer_compares_with_the_virtual_counter() -> None:
    """With an offset of -20 the counter starts at 20: compare value 30 is due behind the tenth instruction."""
    bench = hypervisor(a64(*VIRTUAL_SET_A64), EL1H, -20 & MASK64, x0=30, x1=ENABLE)
    bench.step(11)
    bench.assert_taken(VIRTUAL, ELXH_GROUP + IRQ, after=10, elr=CODE + 40, spsr=EL1H)


def test_a_changed_offset_moves_the_deadline() -> None:
    """MSR CNTVOFF_EL2 at EL2, then down."""
    code = a64("msr cntv_cval_el0, x0", "msr cntv_ctl_el0, x1", "msr cntvoff_el2, x2", "eret")
    bench = timed(code, EL2H, ",virtualization=on", hcr_el2=RW, x0=8, x1=ENABLE, x2=2, spsr_el2=EL1H, elr_el2=CODE + 16)
    bench.step(11)
    bench.assert_taken(VIRTUAL, ELXH_GROUP + IRQ, after=10, elr=CODE + 40, spsr=EL1H)


def test_the_line_drops_when_the_virtual_counter_wraps() -> None:
    """With an offset of 10 it is near 2**64 until the tenth instruction, then 0: the condition is gone by itself."""
    bench = hypervisor(a64(*VIRTUAL_SET_A64), EL1H | I, 10, x0=5, x1=ENABLE)
    bench.step(3)
    assert lines(bench) == {VIRTUAL}
    bench.step(9)
    assert lines(bench) == frozenset()
    bench.step(5)
    assert lines(bench) == {VIRTUAL}


# ---- who may touch it ----

PCTEN, VCTEN, VTEN, PTEN = 1, 2, 1 << 8, 1 << 9
ACCESS_A64 = {
    "mrs x3, cntpct_el0": (PCTEN, (0, 1), 3, 1),
    "mrs x4, cntvct_el0": (VCTEN, (0, 2), 4, 1),
    "mrs x5, cntp_ctl_el0": (PTEN, (2, 1), 5, 1),
    "msr cntp_cval_el0, x6": (PTEN, (2, 2), 6, 0),
    "mrs x7, cntp_tval_el0": (PTEN, (2, 0), 7, 1),
    "msr cntv_ctl_el0, x8": (VTEN, (3, 1), 8, 0),
    "mrs x9, cntv_cval_el0": (VTEN, (3, 2), 9, 1),
    "msr cntv_tval_el0, x10": (VTEN, (3, 0), 10, 0),
}
"""The bit of CNTKCTL_EL1 that lets EL0 in, (CRm, op2), Rt, and 1 for a read; op0 3, op1 3, CRn 14."""


def timer_iss(code: str) -> int:
    _, (crm, op2), rt, read = ACCESS_A64[code]
    return 3 << 20 | op2 << 17 | 3 << 14 | 14 << 10 | rt << 5 | crm << 1 | read


@pytest.mark.parametrize("code", ACCESS_A64)
def test_el0_is_trapped_to_el1_unless_its_bit_of_cntkctl_is_set(code: str) -> None:
    """DDI0487 D13.8.18; EC 0x18 with the access."""
    bit = ACCESS_A64[code][0]
    bench = timed(a64(code), EL0, cntkctl_el1=0x303 & ~bit)
    bench.step()
    bench.assert_taken(SYSREG, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(SYSREG, timer_iss(code)))
    bench = timed(a64(code), EL0, cntkctl_el1=bit)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


@pytest.mark.parametrize(("bits", "numbers"), [(0, [SYSREG]), (PCTEN, []), (VCTEN, []), (VTEN | PTEN, [SYSREG])])
def test_el0_reads_cntfrq_with_either_counter(bits: int, numbers: list[int]) -> None:
    """DDI0487 D13.8.6."""
    bench = timed(a64("mrs x0, cntfrq_el0"), EL0, cntkctl_el1=bits)
    bench.step()
    assert bench.numbers == numbers
    assert bench.cpu["x0"] == (0 if numbers else 62_500_000)


PHYSICAL_A64 = [code for code in ACCESS_A64 if ACCESS_A64[code][0] in (PCTEN, PTEN)]
EL1PCTEN, EL1PCEN = 1, 2


@pytest.mark.parametrize("source", [EL0, EL1H])
@pytest.mark.parametrize("code", PHYSICAL_A64)
def test_el2_traps_the_physical_timer_and_counter_of_lower_levels_by_cnthctl(code: str, source: int) -> None:
    """DDI0487 D13.8.2: EL1PCTEN for the counter, EL1PCEN for the timer."""
    bit = EL1PCTEN if ACCESS_A64[code][0] == PCTEN else EL1PCEN
    bench = timed(a64(code), source, ",virtualization=on", hcr_el2=RW, cntkctl_el1=0x303)
    bench.system(3, 4, 14, 1, 0, 3 & ~bit)
    bench.step()
    bench.assert_taken(SYSREG, LOWER_A64, el=2, after=1, elr=CODE, spsr=source, esr=syndrome(SYSREG, timer_iss(code)))
    bench = timed(a64(code), source, ",virtualization=on", hcr_el2=RW, cntkctl_el1=0x303)
    bench.system(3, 4, 14, 1, 0, bit)
    bench.step()
    assert bench.numbers == []


@pytest.mark.parametrize("code", [code for code in ACCESS_A64 if ACCESS_A64[code][0] in (VCTEN, VTEN)])
def test_the_virtual_timer_is_never_trapped_to_el2(code: str) -> None:
    """DDI0487 D13.8.2."""
    bench = timed(a64(code), EL1H, ",virtualization=on", hcr_el2=RW)
    bench.system(3, 4, 14, 1, 0, 0)
    bench.step()
    assert bench.numbers == []


HIGHER_A64 = ["mrs x0, cnthp_ctl_el2", "msr cntvoff_el2, x0", "mrs x0, cnthctl_el2", "mrs x0, cntps_ctl_el1"]


@pytest.mark.parametrize("code", HIGHER_A64)
def test_registers_of_higher_levels_are_undefined_at_el1(code: str) -> None:
    """DDI0487 D13.8."""
    bench = timed(a64(code), EL1H, ",virtualization=on,secure=on", hcr_el2=RW, scr_el3=NS | SCR_RW)
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(UNKNOWN))


def test_a_timer_interrupt_is_outranked_by_a_better_priority() -> None:
    """The PPI waits for the SPI."""
    bench = timed(a64(*VIRTUAL_SET_A64), EL1H | I, x0=4, x1=ENABLE)
    bench.raise_irq()
    bench.enable(INTID, priority=0x40)
    bench.step(6)
    bench.cpu["pstate"] = EL1H
    bench.step()
    assert bench.numbers == [INTID]


def test_what_is_told_of_a_timer_has_all_of_its_64_bits() -> None:
    """DDI0487 D11.2.4: CVAL, which the 32 bits of TVAL are a part of; what was due is below 0."""
    bench = timed(a64(*VIRTUAL_SET_A64) + NOPS, x0=1 << 40, x1=ENABLE)
    bench.step(2)
    physical, virtual = bench.cpu.timers()
    assert physical == ("physical", False, False, False, None)
    assert virtual[:4] == ("virtual", True, False, False)
    assert (1 << 40) - virtual[4] == bench.cpu["cntvct_el0"]
    bench = timed(a64(*VIRTUAL_SET_A64, *["nop"] * 8), x0=2, x1=ENABLE | IMASK)
    bench.step(8)
    assert list(bench.cpu.timers())[1] == ("virtual", True, True, True, 2 - bench.cpu["cntvct_el0"])
