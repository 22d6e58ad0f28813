"""Rule 27 for AArch32 at EL0 under an AArch64 kernel: the generic timer by CP15 (DDI0487 G8.7, D13.2.37)."""

from __future__ import annotations

import pytest

from arm.arm_bench import CODE, DAIF, EL1H, Arm64Bench
from arm.opcodes import a64

USER32 = CODE + 0x100
EL0_A32, LOWER_A32 = 0x10 | 0x1C0, 0x600
"""SPSR_EL1 of AArch32 User mode with A, I and F masked; the vectors' group of exceptions from there."""
MRC, MRRC, SVC32 = 0x03, 0x04, 0x11
"""EC of trapped accesses and of a call."""
SVC = 0xEF000000
EL0PCTEN, EL0VCTEN, EL0VTEN, EL0PTEN = 1, 1 << 1, 1 << 8, 1 << 9
ALL = EL0PCTEN | EL0VCTEN | EL0VTEN | EL0PTEN
BEGUN = 10_000
"""Instructions before; a tick is 16 ns, an instruction 10 ns."""


def single(crm: int, op2: int, *, write: bool = False) -> int:
    """MRC or MCR p15, 0, R4, c14, crm, op2."""
    return 0xEE0E0F10 | (not write) << 20 | 4 << 12 | op2 << 5 | crm


def pair(op1: int, *, write: bool = False) -> int:
    """MRRC or MCRR p15, op1, R4, R5, c14."""
    return 0xEC400F0E | (not write) << 20 | 5 << 16 | 4 << 12 | op1 << 4


def mov(register: int, value: int) -> int:
    """MOV of eight bits."""
    return 0xE3A00000 | register << 12 | value


def user(*words: int, kernel_control: int = ALL) -> Arm64Bench:
    """About to execute A32 code in User mode."""
    bench = Arm64Bench(a64("b #0"), EL1H | DAIF)
    bench.system(3, 0, 14, 1, 0, kernel_control)
    bench.step(BEGUN)
    bench.memory.write(CODE, a64("eret"))
    bench.write(USER32, *words)
    bench.registers(pc=CODE, spsr_el1=EL0_A32, elr_el1=USER32)
    bench.step()
    return bench


def test_a_script_sees_its_registers_as_those_that_the_kernel_will() -> None:
    """DDI0487 D1.20.1: R0 to R14 are X0 to X14, and R13 its stack pointer."""
    bench = user(mov(4, 0x44), mov(13, 0x80), SVC)
    bench.step(2)
    assert (bench.cpu["x4"], bench.cpu["x13"], bench.cpu["sp"]) == (0x44, 0x80, 0x80)
    bench.cpu["x5"] = 0x55
    assert after(bench, 0) == (0x44, 0x55)


def after(bench: Arm64Bench, steps: int) -> tuple[int, int]:
    """R4 and R5 once the code has called the kernel, which sees them as X4 and X5 (DDI0487 D1.20.1)."""
    bench.step(steps + 1)
    assert bench.numbers == [SVC32]
    return bench.cpu["x4"], bench.cpu["x5"]


@pytest.mark.parametrize("op1", [0, 1], ids=["CNTPCT", "CNTVCT"])
def test_the_counters_are_those_of_aarch64(op1: int) -> None:
    low, high = after(user(pair(op1), SVC), 1)
    assert (high, BEGUN * 10 // 16 <= low <= (BEGUN + 2) * 10 // 16) == (0, True)


def test_the_frequency_is_cntfrq_el0s() -> None:
    assert after(user(single(0, 0), SVC), 1)[0] == 62_500_000


@pytest.mark.parametrize(("crm", "op1"), [(2, 2), (3, 3)], ids=["physical", "virtual"])
def test_a_timer_is_one_whichever_way_it_is_reached(crm: int, op1: int) -> None:
    """CTL by MCR and MRC, CVAL by MCRR and MRRC, TVAL by MRC: op2 1 and 0. IMASK keeps the output low."""
    name = "pv"[crm - 2]
    bench = user(mov(4, 3), single(crm, 1, write=True), single(crm, 1), SVC)
    assert after(bench, 3)[0] == 7, "enabled, masked, and its compare value of 0 has passed"
    bench = user(mov(4, 0x45), mov(5, 1), pair(op1, write=True), mov(4, 0), mov(5, 0), pair(op1), SVC)
    assert after(bench, 6) == (0x45, 1)
    assert bench.cpu[f"cnt{name}_cval_el0"] == 0x1_0000_0045
    bench = user(mov(4, 0), mov(5, 0), pair(op1, write=True), single(crm, 0), SVC)
    passed = -after(bench, 4)[0] & 0xFFFFFFFF
    assert BEGUN * 10 // 16 <= passed <= (BEGUN + 6) * 10 // 16


@pytest.mark.parametrize(
    ("word", "enables", "number", "iss"),
    [
        (single(0, 0), EL0PCTEN | EL0VCTEN, MRC, 0),
        (single(2, 1), EL0PTEN, MRC, 1 << 17 | 2 << 1),
        (single(3, 0), EL0VTEN, MRC, 3 << 1),
        (pair(0), EL0PCTEN, MRRC, 0),
        (pair(1), EL0VCTEN, MRRC, 1 << 16),
        (pair(3), EL0VTEN, MRRC, 3 << 16),
    ],
)
def test_the_kernel_decides_as_for_aarch64(word: int, enables: int, number: int, iss: int) -> None:
    """CNTKCTL_EL1. ISS: CV, COND 0b1110, Opc2, Opc1, CRn, Rt, CRm, read; of a pair Opc1, Rt2, Rt, CRm, read."""
    common = 1 << 24 | 0xE << 20 | 4 << 5 | 1
    fields = 5 << 10 | 14 << 1 if number == MRRC else 14 << 10
    bench = user(word, kernel_control=ALL & ~enables)
    bench.step()
    bench.assert_taken(
        number, LOWER_A32, after=BEGUN + 2, elr=USER32, spsr=EL0_A32, esr=number << 26 | 1 << 25 | common | fields | iss
    )
