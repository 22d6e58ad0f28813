"""Rule 25: which accesses must be aligned (DDI0487 B2.5.2, D1.8.2; DDI0406 A3.2.1).

Exclusives are in test_aborts64.py and test_entry32.py. Where page tables make memory Device, alignment is not checked.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from arm.arm_bench import (
    CODE,
    DAIF,
    DATA,
    DATA32,
    DATA_ABORT,
    DATA_LOWER,
    EL0,
    EL1H,
    EL1T,
    EL2H,
    ELXH_GROUP,
    LOWER_A64,
    MODES,
    PAGE_EL0,
    PAGE_EL1,
    RAM,
    ROOT,
    SCTLR_RES1,
    SP_ALIGNMENT,
    A,
    Arm32Bench,
    Arm64Bench,
    I,
    T,
    syndrome,
)  # fmt: skip
from arm.opcodes import a32, a64, t32

M, SCTLR_A, SA, SA0 = 1, 1 << 1, 1 << 3, 1 << 4
DC, RW = 1 << 12, 1 << 31
"""HCR_EL2."""
ALIGNMENT, WNR = 0b100001, 1 << 6
FS_ALIGNMENT, FS_WNR = 0b00001, 1 << 11
CPACR_FPEN = 3 << 20
STAGE_2_BLOCK = 0x7FD
"""DDI0487 D5.3.3: a gigabyte of Normal memory that may be read, written and executed."""


def a64_at(code: str, address: int, sctlr: int, *, source: int = EL1H, cpu: str = "cortex-a57") -> Arm64Bench:
    """About to access `address`; memory is Normal where SCTLR_EL1.M is set."""
    bench = Arm64Bench(a64(code), source | DAIF, cpu=cpu, x1=address, x2=0)
    bench.system(3, 0, 1, 0, 2, CPACR_FPEN)
    if sctlr & M:
        bench.paging(sctlr=sctlr)
        bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    else:
        bench.registers(sctlr_el1=SCTLR_RES1 | sctlr)
    return bench


def assert_aborted(bench: Arm64Bench, far: int, *, write: bool, source: int = EL1H, after: int = 1) -> None:
    number, group = (DATA_LOWER, LOWER_A64) if source == EL0 else (DATA_ABORT, ELXH_GROUP)
    bench.assert_taken(
        number, group, after=after, elr=CODE, spsr=source | DAIF,
        esr=syndrome(number, ALIGNMENT | (WNR if write else 0)), far=far,
    )  # fmt: skip


# ---- A64 ----

NEEDS = {
    "ldrb w0, [x1]": 1, "ldrh w0, [x1]": 2, "strh w0, [x1]": 2, "ldr w0, [x1]": 4, "str w0, [x1]": 4,
    "ldr x0, [x1]": 8, "str x0, [x1]": 8, "ldp x2, x3, [x1]": 8, "stp x2, x3, [x1]": 8,
    "ldr q0, [x1]": 16, "str q0, [x1]": 16, "stp q0, q1, [x1]": 16,
    "ld1 {v0.16b}, [x1]": 1, "ld1 {v0.4s}, [x1]": 4, "st1 {v0.2d}, [x1]": 8,
}  # fmt: skip
"""What each must be aligned to where that is asked for: its size, of structures an element's."""
ORDERED = {"ldar x0, [x1]": 8, "stlr x0, [x1]": 8, "ldarh w0, [x1]": 2}


@pytest.mark.parametrize("code", NEEDS)
@pytest.mark.parametrize("sctlr", [M | SCTLR_A, SCTLR_A, 0, M], ids=["A", "A, no MMU", "no MMU", "neither"])
def test_sctlr_a_asks_for_alignment_and_so_does_memory_without_an_mmu(code: str, sctlr: int) -> None:
    """B2.5.2; D5.2.9: where stage 1 is off, data are Device-nGnRnE, which is never accessed unaligned."""
    need = NEEDS[code]
    bench = a64_at(code, DATA + 0x40, sctlr)
    for address in (DATA + 0x40, DATA + 0x40 + need, DATA + 0x40 + need // 2):
        bench.registers(pc=CODE, x1=address)
        bench.step()
        if need > 1 and address % need and sctlr != M:
            assert_aborted(bench, address, write=code.startswith("st"), after=3)
        else:
            assert bench.numbers == []


@pytest.mark.parametrize("source", [EL0, EL1H])
def test_sctlr_el1_counts_for_el0_too(source: int) -> None:
    bench = a64_at("str x0, [x1]", DATA + 4, M | SCTLR_A, source=source)
    bench.step()
    assert_aborted(bench, DATA + 4, write=True, source=source)


@pytest.mark.parametrize("code", ORDERED)
def test_what_orders_accesses_must_be_aligned_whatever_sctlr_says(code: str) -> None:
    """B2.5.2, before FEAT_LSE2."""
    bench = a64_at(code, DATA + ORDERED[code] // 2, M)
    bench.step()
    assert_aborted(bench, DATA + ORDERED[code] // 2, write=code.startswith("st"))


def test_ldapr_must_be_aligned() -> None:
    """B2.5.2; FEAT_LRCPC."""
    bench = a64_at("ldapr x0, [x1]", DATA + 4, M, cpu="max")
    bench.step()
    assert bench.numbers == [DATA_ABORT]
    assert bench.cpu["esr_el1"] == syndrome(DATA_ABORT, ALIGNMENT)


Run = Callable[[Arm64Bench, int], None]


def whole(bench: Arm64Bench, insns: int) -> None:
    bench.step(insns)


def by_steps(bench: Arm64Bench, insns: int) -> None:
    for _ in range(insns):
        bench.step()


def by_snapshots(bench: Arm64Bench, insns: int) -> None:
    for _ in range(insns):
        snapshot = bench.machine.snapshot()
        bench.step(insns)
        bench.machine.restore(snapshot)
        bench.step()


@pytest.mark.parametrize("run", [whole, by_steps, by_snapshots])
def test_the_same_code_asks_for_alignment_from_the_write_of_sctlr_on(run: Run) -> None:
    """The load that passed before, and would again with the bit cleared."""
    bench = Arm64Bench(a64("ldr x0, [x1]", "msr sctlr_el1, x2"), EL1H | DAIF, x1=DATA + 4)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.memory.write(CODE + 8, (0x17FFFFFE).to_bytes(4, "little"))  # b CODE
    bench.cpu["x2"] = SCTLR_RES1 | M | SCTLR_A
    run(bench, 4)
    assert_aborted(bench, DATA + 4, write=False, after=4)
    bench.registers(pstate=EL1H | DAIF, pc=CODE, sctlr_el1=SCTLR_RES1 | M)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([DATA_ABORT], CODE + 4)


def test_a_hypervisors_default_makes_memory_without_an_mmu_normal() -> None:
    """DDI0487 D13.2.46 HCR_EL2.DC, which has stage 2 on; EL2's own MMU is off."""
    bench = Arm64Bench(a64("msr hcr_el2, x2", "eret"), EL2H | DAIF, board=",virtualization=on")
    bench.memory.write(DATA, a64("ldr x0, [x1]", "b #0"))
    bench.write(ROOT, 0, RAM | STAGE_2_BLOCK, size=8)
    bench.system(3, 4, 2, 1, 0, ROOT)
    bench.system(3, 4, 2, 1, 2, 1 << 31 | 2 << 16 | 1 << 6 | 25)
    bench.registers(spsr_el2=EL1H | DAIF, elr_el2=DATA, x1=DATA + 0x44, x2=RW | DC, sctlr_el1=SCTLR_RES1)
    bench.step(3)
    assert (bench.numbers, bench.cpu.pc) == ([], DATA + 4)
    bench.registers(pstate=EL2H | DAIF, pc=CODE, x2=RW)
    bench.step(3)
    assert bench.cpu["far_el1"] == DATA + 0x44
    assert bench.numbers == [DATA_ABORT]


# ---- A64: the stack pointer ----

BY_SP = ["stp x2, x3, [sp, #-0x10]!", "ldr x0, [sp, #8]", "strb w0, [sp]", "ldr q0, [sp]", "ldxr x0, [sp]"]
NOT_BY_SP = ["prfm pldl1keep, [sp]", "add x0, sp, #8", "ldr x0, #0", "mov sp, x1", "ldr x0, [x1]"]


def with_sp(code: str, sp: int, source: int, sctlr: int) -> Arm64Bench:
    bench = a64_at(code, DATA, M | sctlr, source=source)
    bench.cpu["sp"] = sp
    return bench


@pytest.mark.parametrize("code", BY_SP)
@pytest.mark.parametrize(
    ("source", "number_of", "sctlr"),
    [(EL1H, ELXH_GROUP, SA), (EL0, LOWER_A64, SA0), (EL1H, None, SA0), (EL0, None, SA), (EL1H, None, 0)],
)
def test_the_stack_pointer_is_checked_where_it_is_a_base(
    code: str, source: int, number_of: int | None, sctlr: int
) -> None:
    """D1.8.2: SCTLR_EL1.SA at EL1, SA0 at EL0; EC 0x26, and FAR is not written."""
    bench = Arm64Bench(a64(code), source | DAIF)
    bench.system(3, 0, 1, 0, 2, CPACR_FPEN)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.registers(sctlr_el1=(SCTLR_RES1 & ~(SA | SA0)) | M | sctlr, far_el1=0x1234)
    bench.cpu["sp"] = DATA + 8
    bench.step()
    if number_of is None:
        assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)
        return
    event = bench.deliveries[-1]
    assert (event.number, event.vector_offset, event.error) == (SP_ALIGNMENT, number_of, syndrome(SP_ALIGNMENT))
    assert (bench.cpu["elr_el1"], bench.cpu["spsr_el1"], bench.cpu["far_el1"]) == (CODE, source | DAIF, 0x1234)


@pytest.mark.parametrize("code", NOT_BY_SP)
def test_what_does_not_access_memory_by_it_may_find_it_unaligned(code: str) -> None:
    """PRFM, arithmetic, literals, other bases."""
    bench = with_sp(code, DATA + 8, EL1H, SA)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


def test_an_aligned_stack_pointer_is_fine_whatever_the_offset() -> None:
    bench = with_sp("ldr x0, [sp, #8]", DATA + 0x10, EL1H, SA)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


@pytest.mark.parametrize("run", [whole, by_steps, by_snapshots])
def test_it_is_the_same_however_the_run_is_cut(run: Run) -> None:
    """The second instruction misaligns SP_EL1, the fourth uses it."""
    bench = Arm64Bench(a64("nop", "mov sp, x1", "add x0, sp, #8", "strb w0, [sp]"), EL1H | DAIF, x1=DATA + 9)
    run(bench, 4)
    event = bench.deliveries[-1]
    assert (bench.numbers[-1], event.insns, event.pc) == (SP_ALIGNMENT, 4, CODE + 12)
    assert bench.memory.read(DATA + 9, 1) == b"\0"


@pytest.mark.parametrize("source", [EL1T, EL1H])
def test_the_stack_pointer_in_use_counts(source: int) -> None:
    """SP_EL0 with PSTATE.SP clear; the other may be anything."""
    bench = Arm64Bench(a64("strb w0, [sp]"), EL1H | DAIF)
    for state in (EL1T, EL1H):
        bench.cpu["pstate"] = state | DAIF
        bench.cpu["sp"] = DATA + (8 if state == source else 0)
    bench.cpu["pstate"] = source | DAIF
    bench.step()
    assert bench.numbers == [SP_ALIGNMENT]


# ---- A32, T32 ----

CB, TTBR_SECTION = 3 << 2, 3 << 10 | 2
"""Of a section's entry: write-back Normal memory; anyone's, a section."""
WORDS32 = ["ldrd r2, r3, [r1]", "strd r2, r3, [r1]", "ldm r1, {r2, r3}", "stm r1, {r2, r3}"]
WORDS_T32 = ["ldrd r2, r3, [r1]", "ldm.w r1, {r2, r3}", "stmdb r1, {r2, r3}", "push {r2, r3}", "pop {r2, r3}"]


def a32_at(code: bytes, address: int, sctlr: int, *, thumb: bool = False, **registers: int) -> Arm32Bench:
    bench = Arm32Bench(code, "svc", 0, thumb=thumb, r1=address, **registers)
    bench.memory.write(ROOT, bytes(0x4000))
    for megabyte in range(4):
        at = RAM + (megabyte << 20)
        bench.write(ROOT + (at >> 18), at | TTBR_SECTION | CB)
    bench.system(2, 0, 0, 0, ROOT)
    bench.system(1, 0, 0, 2, 0xF << 20)
    bench.registers(dacr=1, ttbcr=0)
    bench.cpu["sctlr"] = bench.cpu["sctlr"] & ~(M | SCTLR_A) | sctlr
    return bench


def assert_aborted32(
    bench: Arm32Bench, far: int, *, write: bool, after: int = 1, thumb: bool = False, lr: int | None = None
) -> None:
    """LR is 8 behind the instruction, the last of `after` if it is not given."""
    lr = lr or CODE + 4 * (after - 1) + 8
    bench.assert_taken(0x25, DATA32, "abt", after=after, lr=lr, spsr=MODES["svc"] | (T if thumb else 0), cpsr=A | I)
    status = FS_ALIGNMENT | (FS_WNR if write else 0)
    assert (hex(bench.cpu["dfsr"]), hex(bench.cpu["dfar"])) == (hex(status), hex(far))


@pytest.mark.parametrize("code", WORDS32)
def test_several_words_must_begin_at_one_whatever_sctlr_says(code: str) -> None:
    """DDI0406 table A3-1."""
    bench = a32_at(a32(code), DATA + 2, M)
    bench.step()
    assert_aborted32(bench, DATA + 2, write=code.startswith("st"))
    bench = a32_at(a32(code), DATA + 4, M | SCTLR_A)
    bench.step()
    assert bench.numbers == []


@pytest.mark.parametrize("code", WORDS_T32)
def test_so_they_must_in_thumb(code: str) -> None:
    bench = a32_at(t32(code), DATA + 0x12, M, thumb=True, sp=DATA + 0x12)
    bench.step()
    lowest = DATA + (0x0A if code.startswith(("stmdb", "push")) else 0x12)
    assert_aborted32(bench, lowest, write=code.startswith(("st", "push")), thumb=True)


def test_what_was_decoded_before_does_not_matter() -> None:
    """LDR.W ends with a halfword of zeros, as the first half of an instruction might be known by."""
    bench = a32_at(t32("ldr.w r0, [r1]", "ldm.w r1, {r2, r3}"), DATA + 2, M, thumb=True)
    bench.step(2)
    assert_aborted32(bench, DATA + 2, write=False, after=2, thumb=True)


def test_a_doubleword_may_be_stored_at_any_word() -> None:
    """Whether its page has been stored to before or not."""
    bench = a32_at(a32("vmsr fpexc, r4", "vstr d0, [r1]", "vstr d0, [r1]"), DATA + 4, M | SCTLR_A, r4=1 << 30)
    bench.step(3)
    assert bench.numbers == []


@pytest.mark.parametrize("code", ["vldr d0, [r1]", "vstr s0, [r1]"])
def test_so_they_must_in_floating_point(code: str) -> None:
    """A doubleword, too, must be aligned to a word alone."""
    for address, aborts in ((DATA + 2, True), (DATA + 4, False)):
        bench = a32_at(a32("vmsr fpexc, r4", code), address, M | (0 if aborts else SCTLR_A), r4=1 << 30)
        bench.step(2)
        if aborts:
            assert_aborted32(bench, address, write=code.startswith("vst"), after=2)
        else:
            assert bench.numbers == []


@pytest.mark.parametrize(
    ("code", "need"),
    [
        ("ldr r0, [r1]", 4),
        ("str r0, [r1]", 4),
        ("ldrh r0, [r1]", 2),
        ("vld1.8 {d0}, [r1]", 1),
        ("vld1.32 {d0}, [r1]", 4),
    ],
)
@pytest.mark.parametrize("sctlr", [M, M | SCTLR_A, 0])
def test_other_accesses_must_be_aligned_where_sctlr_a_or_memory_asks_for_it(code: str, need: int, sctlr: int) -> None:
    """DDI0406 A3.2.1; without an MMU memory is Strongly-ordered (B3.2.1). Of structures, to an element."""
    bench = a32_at(a32("vmsr fpexc, r4", code), DATA + need, sctlr, r4=1 << 30)
    bench.step(2)
    assert bench.numbers == []
    bench.registers(pc=CODE + 4, r1=DATA + need // 2)
    bench.step()
    if need > 1 and sctlr != M:
        assert_aborted32(bench, DATA + need // 2, write=code.startswith("str"), after=3, lr=CODE + 12)
    else:
        assert bench.numbers == []


@pytest.mark.parametrize(("code", "need"), [("ldr r0, [r1]", 4), ("ldrh r0, [r1]", 2), ("str r0, [r1]", 4)])
def test_so_they_must_be_in_thumb(code: str, need: int) -> None:
    for sctlr in (M, M | SCTLR_A):
        bench = a32_at(t32(code), DATA + need // 2, sctlr, thumb=True)
        bench.step()
        if sctlr & SCTLR_A:
            assert_aborted32(bench, DATA + need // 2, write=code.startswith("str"), thumb=True)
        else:
            assert bench.numbers == []


def test_the_same_code_asks_for_alignment_from_the_write_of_cp15_on() -> None:
    bench = a32_at(a32("ldr r0, [r1]", "mcr p15, #0, r2, c1, c0, #0"), DATA + 2, M)
    bench.write(CODE + 8, 0xEAFFFFFC)  # b CODE
    bench.cpu["r2"] = bench.cpu["sctlr"] | SCTLR_A
    bench.step(3)
    assert bench.numbers == []
    bench.step()
    assert (bench.numbers, bench.cpu["dfar"]) == ([0x25], DATA + 2)


def test_with_e2h_and_tge_sctlr_el2_counts_at_el0() -> None:
    """DDI0487 D5.6: a host's program has EL2's regime, whose MMU is off, though SCTLR_EL1.M is set."""
    bench = Arm64Bench(
        a64("ldr x0, [x1]"), EL2H | DAIF, cpu="max", board=",virtualization=on", hcr_el2=RW | 1 << 34 | 1 << 27
    )
    bench.system(3, 5, 1, 0, 0, SCTLR_RES1 | M)  # SCTLR_EL12
    bench.registers(pstate=EL0 | DAIF, x1=DATA + 4)
    bench.step()
    assert (bench.cpu.el, bench.cpu["esr_el2"]) == (2, syndrome(DATA_LOWER, ALIGNMENT))
