"""The cycle counter of the performance monitors: DDI0487 D6 and D13.4, DDI0406 C12. An instruction is a cycle.

What each register does when is the manual's; counts are the number of instructions, worked out by hand.
"""

from __future__ import annotations

from typing import Any

import pytest

from arm.arm_bench import (
    CODE,
    EL0,
    EL1H,
    EL2H,
    EL3H,
    ELXH_GROUP,
    IRQ,
    LOWER_A64,
    SYSREG,
    Arm32Bench,
    Arm64Bench,
    I,
    syndrome,
)
from arm.opcodes import a32, a64
from vmm.core.native import ffi, lib

PMCR, SET, CLR, OVSCLR, SELR = [(3, 3, 9, 12, n) for n in (0, 1, 2, 3, 5)]
CCNTR, XEVTYPER, USERENR, OVSSET, CCFILTR = (
    (3, 3, 9, 13, 0),
    (3, 3, 9, 13, 1),
    (3, 3, 9, 14, 0),
    (3, 3, 9, 14, 3),
    (3, 3, 14, 15, 7),
)
INTENSET, INTENCLR = (3, 0, 9, 14, 1), (3, 0, 9, 14, 2)
E, C, D, DP, LC = 1, 4, 8, 32, 64
CYCLES = 1 << 31
P, U, NSK, NSU, NSH, M = (1 << n for n in (31, 30, 29, 28, 27, 26))
PMU_INTID, SVC32_CLASS = 23, 0x11
NOPS = a64("nop") * 300
NS, SCR_RW, RW, SPME = 1, 1 << 10, 1 << 31, 1 << 17
BOTH = ",virtualization=on,secure=on"


class Bench(Arm64Bench):
    """About to execute NOPs, with registers by their encoding."""

    def __init__(self, code: bytes = b"", pstate: int = EL1H, *, pmcr: int = E | LC, **options: Any) -> None:
        super().__init__(code + NOPS, pstate, **options)
        self.write_register(SET, CYCLES)
        self.write_register(PMCR, pmcr | C)

    def write_register(self, register: tuple[int, ...], value: int) -> None:
        op0, op1, crn, crm, op2 = register
        self.system(op0, op1, crn, crm, op2, value)

    def read_register(self, register: tuple[int, ...]) -> int:
        value = ffi.new("uint64_t *")
        assert lib.vmm_arm_system_get(self.native.vcpus[0], *register, value) == 0
        return int(value[0])

    @property
    def cycles(self) -> int:
        return self.read_register(CCNTR)

    @property
    def overflowed(self) -> bool:
        return bool(self.read_register(OVSSET) & CYCLES)

    @property
    def line(self) -> bool:
        return PMU_INTID in self.machine.gic.cpu[0].asserted


def test_it_counts_instructions_while_both_switches_are_on() -> None:
    """PMCR.E and PMCNTENSET.C."""
    bench = Bench()
    bench.step(7)
    assert bench.cycles == 7
    bench.write_register(CLR, CYCLES)
    bench.step(5)
    assert bench.cycles == 7
    bench.write_register(SET, CYCLES)
    bench.step(2)
    bench.write_register(PMCR, LC)
    bench.step(9)
    assert bench.cycles == 9
    bench.write_register(PMCR, E | LC)
    bench.step()
    assert bench.cycles == 10


def test_a_guest_reads_its_own_instruction_with_it() -> None:
    """Two reads, four instructions apart."""
    bench = Bench(a64("mrs x0, pmccntr_el0", "nop", "nop", "nop", "mrs x1, pmccntr_el0"))
    bench.step(5)
    assert bench.cpu["x1"] - bench.cpu["x0"] == 4


def test_reset_it_counts_nothing() -> None:
    """PMCR.E resets to 0 (D13.4.8)."""
    bench = Arm64Bench(a64("mrs x0, pmccntr_el0", "nop", "mrs x1, pmccntr_el0"))
    bench.step(3)
    assert bench.cpu["x0"] == bench.cpu["x1"]


def test_c_clears_the_count_and_reads_as_zero() -> None:
    """PMCR.C; the overflow flag stays."""
    bench = Bench()
    bench.write_register(OVSSET, CYCLES)
    bench.step(4)
    bench.write_register(PMCR, E | C | LC)
    assert (bench.cycles, bench.read_register(PMCR) & 0x7F, bench.overflowed) == (0, E | LC, True)


@pytest.mark.parametrize(("pmcr", "expected"), [(E | D, 3), (E | D | LC, 200), (E, 200)])
def test_d_divides_by_64_unless_lc_is_set(pmcr: int, expected: int) -> None:
    """200 cycles: three times 64 and 8 on the way."""
    bench = Bench(pmcr=pmcr)
    bench.step(200)
    assert bench.cycles == expected


def test_a_division_keeps_what_is_on_the_way() -> None:
    """60 cycles and 4 more."""
    bench = Bench(pmcr=E | D)
    bench.step(60)
    assert bench.cycles == 0
    bench.step(4)
    assert bench.cycles == 1


@pytest.mark.parametrize(("pmcr", "value"), [(E, (1 << 32) - 3), (E | LC, (1 << 64) - 3)])
def test_it_overflows_at_32_bits_or_at_64(pmcr: int, value: int) -> None:
    """PMCR.LC; the flag is cleared by writing 1."""
    bench = Bench(pmcr=pmcr)
    bench.write_register(CCNTR, value)
    bench.step(2)
    assert not bench.overflowed
    bench.step()
    assert (bench.overflowed, bench.cycles & 0xFFFFFFFF) == (True, 0)
    bench.write_register(OVSCLR, CYCLES)
    assert not bench.overflowed


def test_with_lc_32_bits_are_no_overflow() -> None:
    """The counter goes on to its upper half."""
    bench = Bench()
    bench.write_register(CCNTR, (1 << 32) - 1)
    bench.step()
    assert (bench.overflowed, bench.cycles) == (False, 1 << 32)


@pytest.mark.parametrize("slices", [1, 3, 40])
@pytest.mark.parametrize(("pmcr", "before", "after"), [(E | LC, 20, 20), (E | D, 1, 64)])
def test_its_overflow_interrupts_at_the_boundary_behind_it(pmcr: int, before: int, after: int, slices: int) -> None:
    """D6.6.1; INTID 23, a level, whatever the run is cut into."""
    bench = Bench(pmcr=pmcr)
    bench.enable(PMU_INTID)
    bench.write_register(INTENSET, CYCLES)
    bench.write_register(CCNTR, ((1 << 64) if pmcr & LC else (1 << 32)) - before)
    for _ in range(slices):
        bench.step(120 // slices)
    assert [(event.number, event.insns) for event in bench.deliveries] == [(PMU_INTID, after)]
    event = bench.deliveries[0]
    assert (event.pc, event.flags, event.vector_offset) == (CODE + 4 * after, EL1H, ELXH_GROUP + IRQ)
    assert bench.line
    bench.write_register(OVSCLR, CYCLES)
    assert not bench.line


def test_the_line_needs_overflow_enable_and_e() -> None:
    """CheckForPMUOverflow."""
    bench = Bench()
    steps = [
        ((OVSSET, CYCLES), False),
        ((INTENSET, CYCLES), True),
        ((PMCR, LC), False),
        ((PMCR, E | LC), True),
        ((INTENCLR, CYCLES), False),
    ]
    for setting, expected in steps:
        bench.write_register(*setting)
        assert bench.line == expected, setting


@pytest.mark.parametrize(
    ("pstate", "scr", "filter", "counted"),
    [
        (EL0, NS, 0, True),
        (EL0, NS, U, False),
        (EL0, NS, U | NSU, True),
        (EL0, NS, NSU, False),
        (EL0, 0, NSU, True),
        (EL0, 0, U, False),
        (EL1H, NS, 0, True),
        (EL1H, NS, P, False),
        (EL1H, NS, P | NSK, True),
        (EL1H, NS, NSK, False),
        (EL1H, 0, NSK, True),
        (EL1H, 0, P, False),
        (EL2H, NS, 0, False),
        (EL2H, NS, NSH, True),
        (EL2H, NS, NSH | P, True),
        (EL3H, NS, 0, True),
        (EL3H, NS, P, False),
        (EL3H, NS, P | M, True),
        (EL3H, NS, M, False),
    ],
)
def test_a_filter_leaves_levels_out(pstate: int, scr: int, filter: int, counted: bool) -> None:
    """PMCCFILTR_EL0.{P,U,NSK,NSU,NSH,M}."""
    bench = Bench(b"", pstate, board=BOTH, scr_el3=scr | SCR_RW, hcr_el2=RW)
    bench.write_register(CCFILTR, filter)
    bench.step(6)
    assert bench.cycles == (6 if counted else 0)


def test_a_filter_follows_exceptions_and_their_returns() -> None:
    """EL0 is left out: the two NOPs there; SVC counts as EL0's, the handler's three and ERET do."""
    bench = Bench(a64("nop", "nop", "svc #0", "nop"), EL0)
    bench.memory.write(0x40020000 + LOWER_A64, a64("nop", "nop", "nop", "eret"))
    bench.write_register(CCFILTR, U)
    bench.step(8)
    assert (bench.cpu.pc, bench.cycles) == (CODE + 16, 4)


@pytest.mark.parametrize(
    ("pmcr", "mdcr3", "counted"), [(E | LC, 0, True), (E | LC | DP, 0, False), (E | LC | DP, SPME, True)]
)
def test_dp_stops_it_where_counting_is_prohibited(pmcr: int, mdcr3: int, counted: bool) -> None:
    """D6.5: Secure state without MDCR_EL3.SPME."""
    bench = Bench(b"", EL1H, board=BOTH, scr_el3=SCR_RW, pmcr=pmcr)
    bench.write_register((3, 6, 1, 3, 1), mdcr3)
    bench.write_register(PMCR, pmcr | C)
    bench.step(6)
    assert bench.cycles == (6 if counted else 0)


def test_selected_as_31_its_filter_is_the_event_type() -> None:
    """PMSELR.SEL, PMXEVTYPER."""
    bench = Bench()
    bench.write_register(SELR, 31)
    bench.write_register(XEVTYPER, P)
    bench.step(5)
    assert (bench.read_register(CCFILTR), bench.cycles) == (P, 0)


def test_a_sleep_counts_nothing_and_its_overflow_waits() -> None:
    """D6.3: cycles need not be counted in WFI; the timer that wakes it comes on time."""
    code = a64("msr cntv_cval_el0, x0", "msr cntv_ctl_el0, x1", "wfi")
    bench = Bench(code, x0=1000, x1=1, board=",insn_ns=16")
    bench.enable(27)
    bench.enable(PMU_INTID)
    bench.write_register(INTENSET, CYCLES)
    bench.write_register(CCNTR, (1 << 64) - 5)
    bench.step(4)
    assert (bench.numbers, bench.machine.now_ns) == ([27], 1001 * 16)
    bench.registers(cntv_ctl_el0=0, pstate=EL1H)
    bench.step(2)
    assert [(event.number, event.insns) for event in bench.deliveries] == [(27, 3), (PMU_INTID, 5)]


def test_a_vcpu_counts_its_own_instructions_alone_and_interrupts_at_its_own_count() -> None:
    """Two vCPUs in turns of seven."""
    bench = Bench(board=",quantum=7", smp=2)
    lib.vmm_arm_start(bench.native.vcpus[1], CODE + 0x400, 0)
    bench.memory.write(CODE + 0x400, a64("b #0"))
    bench.enable(PMU_INTID)
    bench.write_register(INTENSET, CYCLES)
    bench.write_register(CCNTR, (1 << 64) - 50)
    bench.step(200)
    (event,) = bench.deliveries
    assert (event.number, event.vcpu, event.pc) == (PMU_INTID, 0, CODE + 4 * 50)


def test_a_snapshot_keeps_count_flag_and_deadline() -> None:
    """Restored, the same comes again."""
    bench = Bench()
    bench.enable(PMU_INTID)
    bench.write_register(INTENSET, CYCLES)
    bench.write_register(CCNTR, (1 << 64) - 30)
    bench.step(10)
    snapshot = bench.machine.snapshot()
    for _ in range(2):
        bench.step(25)
        event = bench.deliveries[-1]
        assert (event.number, event.pc, bench.cycles) == (PMU_INTID, CODE + 4 * 30, 5)
        bench.machine.restore(snapshot)
        assert (bench.cycles, bench.overflowed, bench.line) == ((1 << 64) - 20, False, False)


EN, SW, CR, ER = 1, 2, 4, 8


@pytest.mark.parametrize(
    ("register", "read", "admitting"),
    [
        (PMCR, True, EN), (SET, False, EN), (OVSCLR, True, EN), (CCNTR, True, EN | CR), (CCNTR, False, EN),
        (SELR, False, EN | ER), ((3, 3, 9, 12, 4), False, EN | SW), ((3, 3, 9, 13, 2), True, EN | ER),
        ((3, 3, 9, 13, 2), False, EN), (CCFILTR, True, EN), (USERENR, True, 0xF),
    ],
)  # fmt: skip
def test_el0_has_what_pmuserenr_says(register: tuple[int, ...], read: bool, admitting: int) -> None:
    """Each bit alone; else EC 0x18 to EL1."""
    op0, op1, crn, crm, op2 = register
    word = 0xD5000000 | read << 21 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
    iss = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1 | read
    for bit in (0, EN, SW, CR, ER):
        bench = Bench(word.to_bytes(4, "little"), EL0)
        bench.write_register(USERENR, bit)
        bench.step()
        held = register != USERENR and not bit & admitting
        assert [event.error for event in bench.deliveries] == ([syndrome(SYSREG, iss)] if held else [])


def test_aarch32_reads_the_same_counter() -> None:
    """MRC PMCCNTR of an EL0 program below an AArch64 kernel: its lower half."""
    bench = Bench()
    bench.write_register(USERENR, EN)
    bench.write_register(CCNTR, 0x1_0000_0000)
    bench.memory.write(CODE, a64("eret"))
    bench.memory.write(CODE + 4, a32("mrc p15, #0, r0, c9, c13, #0", "svc #0"))
    bench.registers(spsr_el1=0x10, elr_el1=CODE + 4)
    bench.step(3)
    assert (bench.numbers, bench.cpu["x0"]) == ([SVC32_CLASS], 2)


def test_armv7_counts_and_overflows_alike() -> None:
    """DDI0406 C12: 32 bits; PMCR has no LC."""
    bench = Arm32Bench(a32("nop") * 20, "svc", I)
    for (crn, op1, crm, op2), value in {
        (9, 0, 12, 0): E | C | LC,
        (9, 0, 12, 1): CYCLES,
        (9, 0, 13, 0): 0xFFFFFFFE,
    }.items():
        bench.system(crn, op1, crm, op2, value)
    value = ffi.new("uint64_t *")
    bench.step(4)
    read = {}
    for name, where in {"count": (9, 13, 0), "flag": (9, 12, 3), "pmcr": (9, 12, 0)}.items():
        crn, crm, op2 = where
        assert lib.vmm_arm_system_get(bench.native.vcpus[0], 0, 0, crn, crm, op2, value) == 0
        read[name] = int(value[0])
    assert (read["count"], read["flag"], read["pmcr"] & 0x7F) == (2, CYCLES, E)
