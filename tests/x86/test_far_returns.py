"""RETF, IRET, SYSRET and SYSEXIT: what each checks, with what vector and code, and what it takes from its image.

Intel SDM vol. 2A IRET, vol. 2B RET, SYSEXIT, SYSRET: the faults in the order of "Operation"; AMD APM vol. 3 where the
vendor matters. A fault is at the instruction, in the old ring with the old stack.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import (
    A_CODE32,
    A_CODE64,
    A_DATA32,
    A_NOT_PRESENT,
    A_RING3,
    CF,
    CODE,
    CONFORMING,
    DATA,
    DB,
    FIXED,
    GP,
    IF,
    IOPL3,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    NP,
    NT,
    PF,
    RF,
    RING0_STACK,
    ROOT,
    SPARE,
    SS,
    STACK,
    TF,
    UD,
    USER_CODE,
    USER_CODE64,
    USER_DATA,
    VM,
    WHOLE,
    X86Bench,
    handler,
    le,
)  # fmt: skip

IRETD, IRETQ, RETF, RETFQ, RETF_8 = (bytes.fromhex(code) for code in ("cf", "48cf", "cb", "48cb", "ca0800"))
SYSRETQ, SYSEXITQ = bytes.fromhex("480f07"), bytes.fromhex("480f35")
ZF = 1 << 6
NON_CANONICAL, TARGET, OTHER_STACK = 1 << 47, DATA, 0xE800
BEYOND_GDT = 0x200
WIDTHS = [("paged32", IRETD), ("paged32", RETF), ("long64", IRETQ), ("long64", RETFQ)]
STAR, SYSENTER_CS = 0xC0000081, 0x174


def returning(mode: str, code: bytes, slots: list[int], **more: int) -> X86Bench:
    """A bench before `code`, with `slots` on its stack, as wide as the instruction pops them."""
    width = 8 if code[:1] == b"\x48" else 4
    bench = X86Bench(mode, code, **more)  # type: ignore[arg-type]
    bench.memory.write(STACK, b"".join(le(slot, width) for slot in slots))
    return bench


class Fault(NamedTuple):
    vector: int
    error: int


def faulted(bench: X86Bench, cs: int, ss: int = KERNEL_DATA, *, rsp: int = STACK) -> Fault:
    """What was raised; that it was raised where it must be."""
    outer = cs & 3 == 3
    frame = bench.frame(error=True, outer=outer and not bench.long)
    assert (frame.ip, frame.cs) == (CODE, cs)
    if bench.long or outer:
        assert (frame.sp, frame.ss) == (rsp, ss)
    assert frame.error is not None
    assert len(bench.vectors) == 1
    return Fault(bench.vectors[0], frame.error)


# ---- VM in the image ----


@pytest.mark.parametrize("iopl", [0, 1])
def test_an_outer_ring_pops_no_vm(iopl: int) -> None:
    """SDM vol. 2A IRET: VM and IOPL are loaded at CPL 0, IF where CPL <= IOPL; three doublewords are popped."""
    image = VM | IOPL3 | IF | CF | NT
    bench = returning("protected32", IRETD, [TARGET, USER_CODE, image], ring=3, flags=iopl << 12)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"], bench.cpu["cs"]) == ([], TARGET, STACK + 12, USER_CODE)
    assert bench.flags == CF | NT | FIXED | iopl << 12


@pytest.mark.parametrize("ring", [0, 3])
def test_ia_32e_mode_has_no_vm(ring: int) -> None:
    """SDM vol. 2A IRET, IA-32e-MODE-RETURN: an image's VM is not looked at, with 32-bit operands neither."""
    code, data = (USER_CODE, USER_DATA) if ring else (KERNEL_CODE, KERNEL_DATA)
    bench = returning("compat32", IRETD, [TARGET, code, VM | CF], ring=ring)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"], bench.flags) == ([], TARGET, STACK + 12, CF | FIXED)
    code = USER_CODE64 if ring else KERNEL_CODE64
    bench = returning("long64", IRETD, [TARGET, code, VM | CF, OTHER_STACK, data], ring=ring)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"], bench.flags) == ([], TARGET, OTHER_STACK, CF | FIXED)


def test_a_return_within_virtual_8086_mode() -> None:
    """SDM vol. 2A IRET "RETURN-FROM-VIRTUAL-8086-MODE": IOPL is 3 and stays, VM too; an EIP above FFFFh is #GP(0)."""
    bench = X86Bench("vm86", IRETD, flags=IOPL3)
    bench.memory.write(STACK, le(0x10, 2) + le(0x800, 2) + le(CF | IF, 2))
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["cs"], bench.cpu["rsp"]) == ([], 0x10, 0x800, STACK + 6)
    assert bench.flags == VM | IOPL3 | CF | IF | FIXED
    for rip, vectors in ((0x10, []), (0x10000, [GP])):
        bench = X86Bench("vm86", b"\x66" + IRETD, flags=IOPL3)
        bench.memory.write(STACK, le(rip, 4) + le(0x800, 4) + le(CF, 4))
        bench.step()
        assert bench.vectors == vectors
        assert vectors or (bench.rip, bench.cpu["rsp"], bench.flags) == (0x10, STACK + 12, VM | IOPL3 | CF | FIXED)


def test_ring_0_returns_to_virtual_8086_mode() -> None:
    segments = [0x100, 0x200, 0x300, 0x400]
    bench = returning("protected32", IRETD, [0x10, 0x800, VM | IF, 0x2000, 0x900, *segments])
    bench.step()
    assert (bench.vectors, bench.rip, bench.flags) == ([], 0x10, VM | IF | FIXED)
    names = ("cs", "ss", "es", "ds", "fs", "gs")
    assert [bench.cpu[name] for name in names] == [0x800, 0x900, *segments]


# ---- non-canonical ----


@pytest.mark.parametrize("cs", [USER_CODE64, KERNEL_CODE64])
@pytest.mark.parametrize("code", [IRETQ, RETFQ])
def test_a_non_canonical_rip(code: bytes, cs: int) -> None:
    """#GP(0), still in ring 0: a handler that swaps GS by the saved CS relies on it."""
    ss = USER_DATA if cs & 3 else KERNEL_DATA
    flags = [FIXED] if code == IRETQ else []
    for rip in (NON_CANONICAL, 0xFFFF << 48, 1 << 63):
        bench = returning("long64", code, [rip, cs, *flags, OTHER_STACK, ss], flags=CF)
        bench.step()
        assert faulted(bench, KERNEL_CODE64) == (GP, 0)
        assert bench.frame(error=True).flags == CF | RF | FIXED
        assert bench.rip == handler(GP)


def test_a_selector_that_is_wrong_comes_before_a_rip_that_is() -> None:
    for code in (IRETQ, RETFQ):
        flags = [FIXED] if code == IRETQ else []
        bench = returning("long64", code, [NON_CANONICAL, USER_CODE64, *flags, OTHER_STACK, KERNEL_DATA | 3])
        bench.step()
        assert faulted(bench, KERNEL_CODE64) == (GP, KERNEL_DATA)


def test_an_iret_that_faults_unblocks_nmis() -> None:
    """SDM vol. 3A 6.7.1; by each of the ways on which we know of the fault."""
    for slots in (
        [NON_CANONICAL, USER_CODE64, FIXED, OTHER_STACK, USER_DATA],
        [TARGET, 0, FIXED, OTHER_STACK, USER_DATA],
    ):
        bench = returning("long64", NOP + IRETQ, slots)
        bench.machine.nmi()
        bench.handler(2, b"\xe9" + le(CODE - handler(2) - 5 + 1, 4))  # jmp to the IRETQ
        bench.step()
        bench.memory.write(bench.cpu["rsp"], b"".join(le(slot, 8) for slot in slots))
        bench.step(2)
        assert (bench.vectors, bench.cpu.nmi_blocked) == ([2, GP], False)


@pytest.mark.parametrize(("model", "cs"), [("max", KERNEL_CODE64), ("epyc", USER_CODE64)])
def test_sysret_to_a_non_canonical_rcx(model: str, cs: int) -> None:
    """SDM vol. 2B SYSRET: in ring 0; AMD APM vol. 3: loaded, and the fetch faults in ring 3."""
    bench = X86Bench("long64", SYSRETQ, model=model, rcx=NON_CANONICAL, r11=CF)
    bench.cpu.set_msr(0xC0000080, bench.cpu.msr(0xC0000080) | 1)
    bench.cpu.set_msr(STAR, (USER_CODE64 - 16) << 48)
    bench.step(2)
    frame = bench.frame(error=True)
    assert (bench.vectors[0], frame.cs, frame.error) == (GP, cs, 0)
    assert frame.ip == (CODE if cs == KERNEL_CODE64 else NON_CANONICAL)
    assert frame.sp == STACK


@pytest.mark.parametrize("register", ["rcx", "rdx"])
def test_sysexit_with_a_non_canonical_register(register: str) -> None:
    bench = X86Bench("long64", SYSEXITQ, model="max", **{"rcx": OTHER_STACK, "rdx": TARGET, register: NON_CANONICAL})
    bench.cpu.set_msr(SYSENTER_CS, KERNEL_CODE)
    bench.step()
    assert faulted(bench, KERNEL_CODE64) == (GP, 0)


def test_sysret_and_sysexit_return() -> None:
    """The selectors by arithmetic, the flags of R11 without RF and VM."""
    flags = CF | IF | RF | VM | NT
    bench = X86Bench("long64", SYSRETQ, model="max", rcx=TARGET, r11=flags)
    bench.cpu.set_msr(0xC0000080, bench.cpu.msr(0xC0000080) | 1)
    bench.cpu.set_msr(STAR, 0x13 << 48)
    bench.step()
    outcome = bench.outcome()
    assert (outcome.vectors, outcome.rip, outcome.rsp, outcome.cpl) == ((), TARGET, STACK, 3)
    assert (outcome.cs, outcome.ss, outcome.flags) == (0x23, 0x1B, CF | IF | NT | FIXED)
    bench.memory.write(TARGET, NOP)
    bench.step()
    assert bench.rip == TARGET + 1

    for code, step in ((SYSEXITQ, 32), (SYSEXITQ[1:], 16)):
        bench = X86Bench("long64", code, model="max", flags=CF, rcx=OTHER_STACK, rdx=TARGET)
        bench.cpu.set_msr(SYSENTER_CS, 0x10)
        bench.step()
        outcome = bench.outcome()
        assert (outcome.vectors, outcome.rip, outcome.rsp, outcome.cpl) == ((), TARGET, OTHER_STACK, 3)
        assert (outcome.cs, outcome.ss, outcome.flags) == (0x10 + step | 3, 0x10 + step + 8 | 3, CF | FIXED)


def test_sysret_and_sysexit_are_for_ring_0() -> None:
    for code in (SYSRETQ, SYSEXITQ):
        bench = X86Bench("long64", code, model="max", ring=3, rcx=TARGET, rdx=TARGET)
        bench.cpu.set_msr(0xC0000080, bench.cpu.msr(0xC0000080) | 1)
        bench.cpu.set_msr(SYSENTER_CS, KERNEL_CODE)
        bench.step()
        assert faulted(bench, USER_CODE64, USER_DATA) == (GP, 0)


# ---- what is wrong with the image ----


class Image(NamedTuple):
    """What is returned to, and the fault that is due."""

    vector: int
    error: int
    cs: int = USER_CODE
    ss: int = USER_DATA
    spare: int = 0
    """Attributes of the descriptor at SPARE; its limit is WHOLE."""
    limit: int = WHOLE


DATA3, CODE3 = A_DATA32 + A_RING3, A_CODE32 + A_RING3
SPARE3 = SPARE | 3
DEFECTS = {
    "CS null": Image(GP, 0, cs=3),
    "CS beyond the GDT": Image(GP, BEYOND_GDT, cs=BEYOND_GDT | 3),
    "CS is data": Image(GP, SPARE, cs=SPARE3, spare=DATA3),
    "CS of ring 0, RPL 3": Image(GP, KERNEL_CODE, cs=KERNEL_CODE | 3),
    "CS of ring 3, RPL 1": Image(GP, USER_CODE & ~3, cs=USER_CODE & ~3 | 1),
    "CS is not present": Image(NP, SPARE, cs=SPARE3, spare=CODE3 + A_NOT_PRESENT),
    "EIP beyond CS": Image(GP, 0, cs=SPARE3, spare=CODE3, limit=(TARGET >> 12) - 1),
    "SS null": Image(GP, 0, ss=3),
    "SS beyond the GDT": Image(GP, BEYOND_GDT, ss=BEYOND_GDT | 3),
    "SS with RPL 0": Image(GP, USER_DATA & ~3, ss=USER_DATA & ~3),
    "SS of ring 0": Image(GP, KERNEL_DATA, ss=KERNEL_DATA | 3),
    "SS is code": Image(GP, SPARE, ss=SPARE3, spare=CODE3),
    "SS is read-only": Image(GP, SPARE, ss=SPARE3, spare=DATA3 - 0x200),
    "SS is not present": Image(SS, SPARE, ss=SPARE3, spare=DATA3 + A_NOT_PRESENT),
}


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize(
    ("mode", "code"), [("protected32", IRETD), ("protected32", RETF), ("long64", IRETQ), ("long64", RETFQ)]
)
def test_an_image_that_is_wrong(mode: str, code: bytes, name: str) -> None:
    image = DEFECTS[name]
    flags = [FIXED] if code in (IRETD, IRETQ) else []
    bench = returning(mode, code, [TARGET, image.cs, *flags, OTHER_STACK, image.ss])
    bench.descriptor(SPARE, 0, image.limit, image.spare)
    bench.step()
    assert faulted(bench, KERNEL_CODE64 if mode == "long64" else KERNEL_CODE) == (image.vector, image.error)


@pytest.mark.parametrize(("mode", "code"), [("protected32", IRETD), ("protected32", RETF)])
def test_an_inner_ring_cannot_be_returned_to(mode: str, code: bytes) -> None:
    """RPL < CPL: #GP with the selector."""
    bench = returning(mode, code, [TARGET, KERNEL_CODE, FIXED], ring=3)
    bench.step()
    assert faulted(bench, USER_CODE, USER_DATA) == (GP, KERNEL_CODE)


@pytest.mark.parametrize("code", [IRETQ, RETFQ])
def test_64_bit_code_cannot_be_32_bit_code_too(code: bytes) -> None:
    flags = [FIXED] if code == IRETQ else []
    bench = returning("long64", code, [TARGET, SPARE3, *flags, OTHER_STACK, USER_DATA])
    bench.descriptor(SPARE, 0, WHOLE, A_CODE64 + A_RING3 | 1 << 22)
    bench.step()
    assert faulted(bench, KERNEL_CODE64) == (GP, SPARE)


def test_a_null_ss_is_for_64_bit_code_of_the_inner_rings() -> None:
    for cs, fault in ((SPARE | 1, None), (USER_CODE64, (GP, 0)), (0x98 | 1, (GP, 0))):
        bench = returning("long64", RETFQ, [TARGET, cs, OTHER_STACK, cs & 3])
        bench.descriptor(SPARE, 0, WHOLE, A_CODE64 + (1 << 13))
        bench.descriptor(0x98, 0, WHOLE, A_CODE32 + (1 << 13))
        bench.step()
        if fault:
            assert faulted(bench, KERNEL_CODE64) == fault
        else:
            assert (bench.vectors, bench.rip, bench.cpu.cpl, bench.cpu["ss"]) == ([], TARGET, 1, 1)


# ---- privilege of the stack ----


@pytest.mark.parametrize(
    ("mode", "code"), [("paged32", IRETD), ("paged32", RETF), ("long64", IRETQ), ("long64", RETFQ)]
)
def test_ring_3_pops_with_the_rights_of_ring_3(mode: str, code: bytes) -> None:
    """SDM vol. 3A 4.6.1: a page of the supervisor's is #PF with U/S and P, and nothing of it is seen."""
    bench = returning(mode, code, [TARGET, USER_CODE, FIXED, 0, 0], ring=3)
    bench.page(STACK, 3)
    bench.step()
    assert faulted(bench, USER_CODE64 if mode == "long64" else USER_CODE, USER_DATA) == (PF, 5)
    assert bench.cpu["cr2"] == STACK


def test_virtual_8086_mode_pops_with_the_rights_of_ring_3() -> None:
    bench = X86Bench("vm86", IRETD, flags=IOPL3)
    bench.memory.write(STACK, le(TARGET, 2) + le(0, 2) + le(CF, 2))
    bench.page(STACK, 3)
    bench.cpu["cr3"] = ROOT
    bench.cpu["cr0"] = bench.cpu["cr0"] | 1 << 31
    bench.step()
    frame = bench.frame(error=True, vm86=True)
    assert (bench.vectors, frame.error, bench.cpu["cr2"], frame.ip, frame.sp) == ([PF], 5, STACK, CODE, STACK)


# ---- returns that are right ----


def test_parameters_leave_both_stacks() -> None:
    bench = returning("protected32", RETF_8, [TARGET, USER_CODE, 0xAAAA, 0xBBBB, OTHER_STACK, USER_DATA])
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"], bench.cpu["ss"]) == ([], TARGET, OTHER_STACK + 8, USER_DATA)
    bench = returning("protected32", RETF_8, [TARGET, KERNEL_CODE, 0xAAAA, 0xBBBB])
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], TARGET, STACK + 16)


def test_segments_of_the_inner_ring_become_null() -> None:
    """Data and non-conforming code whose DPL is below the new CPL; what the outer ring may have stays."""
    bench = returning("protected32", RETF, [TARGET, USER_CODE, OTHER_STACK, USER_DATA])
    bench.cpu.set_segment("es", Segment(USER_DATA, 0, 0xFFFFFFFF, DATA3))
    bench.cpu.set_segment("fs", Segment(CONFORMING, 0, 0xFFFFFFFF, A_CODE32 + 0x400))
    bench.step()
    assert [bench.cpu[name] for name in ("ds", "es", "fs", "gs")] == [0, USER_DATA, CONFORMING, 0]


@pytest.mark.parametrize(("mode", "code"), [("protected32", RETF), ("long64", RETFQ)])
def test_a_single_step_trap_follows_a_far_return(mode: str, code: bytes) -> None:
    cs = KERNEL_CODE if mode == "protected32" else KERNEL_CODE64
    bench = returning(mode, code, [TARGET, cs], flags=TF)
    bench.step(2)
    frame = bench.frame()
    assert (bench.vectors, frame.ip, frame.cs, frame.flags) == ([DB], TARGET, cs, TF | FIXED)


def test_a_16_bit_operand_takes_16_bits() -> None:
    bench = X86Bench("protected32", b"\x66" + RETF)
    bench.memory.write(STACK, le(TARGET, 2) + le(KERNEL_CODE, 2))
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], TARGET, STACK + 4)


def test_unicorns_iret_and_ours_agree() -> None:
    """IRETQ to any ring with any flags: where FS has a base it is ours, elsewhere Unicorn's."""
    chance = random.Random("iretq")
    plain = returning("long64", IRETQ, [])
    start = plain.machine.snapshot()
    rings = [(KERNEL_CODE64, KERNEL_DATA), (USER_CODE64, USER_DATA), (USER_CODE, USER_DATA)]
    for _ in range(60):
        cs, ss = chance.choice([*rings, (KERNEL_CODE, KERNEL_DATA)])
        flags = chance.randrange(1 << 22) & ~TF & ~VM & ~(3 << 19)
        slots = [chance.choice([TARGET, CODE, NON_CANONICAL]), cs, flags, chance.randrange(0x100000) * 8, ss]
        outcomes = []
        for base in (0, 0x1000):
            plain.machine.restore(start)
            plain.memory.write(STACK, b"".join(le(slot, 8) for slot in slots))
            plain.cpu.set_segment("fs", Segment(USER_DATA, base, 0xFFFFFFFF, DATA3))
            plain.cpu["rflags"] = FIXED | chance.choice([0, IOPL3, ZF | IF])
            plain.cpu["rflags"] = FIXED
            plain.step()
            outcomes.append(plain.outcome())
        assert outcomes[0] == outcomes[1], slots


# ---- PUSHF ----


@pytest.mark.parametrize(("mode", "size"), [("protected32", 4), ("long64", 8), ("protected16", 2)])
def test_pushf_shows_no_rf(mode: str, size: int) -> None:
    """SDM vol. 2B PUSHF: the image is EFLAGS AND 00FCFFFFH; what interrupts at that boundary pushes RF as it is."""
    bench = X86Bench(mode, b"\x9c" + NOP, flags=RF | CF)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], CODE + 1, STACK - size)
    assert bench.memory.read(STACK - size, size) == le(CF | FIXED, size)
    assert bench.flags & RF == 0

    bench = X86Bench("protected32", b"\x9c", flags=RF | IF)
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.frame().flags) == ([0x40], RF | IF | FIXED)


def test_pushf_shows_no_vm() -> None:
    for code, size in ((b"\x66\x9c", 4), (b"\x9c", 2)):
        bench = X86Bench("vm86", code + NOP, flags=IOPL3 | CF)
        bench.step()
        assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], CODE + len(code), STACK - size)
        assert bench.memory.read(STACK - size, size) == le(IOPL3 | CF | FIXED, size)


def test_pushf_that_cannot_push() -> None:
    """With the rights of its ring; the frame has RF for it is a fault, and nothing has moved."""
    bench = X86Bench("paged32", b"\x9c", ring=3, flags=RF)
    bench.page(STACK - 4, 3)
    bench.step()
    frame = bench.frame(error=True, outer=True)
    assert (bench.vectors, frame.error, frame.ip, frame.sp, frame.flags) == ([PF], 7, CODE, STACK, RF | FIXED)
    assert (bench.cpu["cr2"], bench.cpu["rsp"]) == (STACK - 4, RING0_STACK - 24)
    bench = X86Bench("long64", b"\x9c", flags=RF, rsp=NON_CANONICAL + 8)
    bench.gate(SS, ist=1)
    bench.step()
    assert (bench.vectors, bench.frame(error=True).error) == ([SS], 0)


def test_undefined_here_and_there() -> None:
    """SYSEXIT in IA-32e mode is Intel's alone."""
    bench = X86Bench("long64", SYSEXITQ, model="epyc", rcx=OTHER_STACK, rdx=TARGET)
    bench.cpu.set_msr(SYSENTER_CS, KERNEL_CODE)
    bench.step()
    assert bench.vectors == [UD]
