"""Rules 4, 5 and 7 across modes: one interrupt in each, and the system-call instructions between rings."""

from __future__ import annotations

import pytest

from x86.x86_bench import (
    CODE,
    CODE16,
    DB,
    DF,
    FIXED,
    GP,
    IF,
    JMP_SELF,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    RF,
    RING0_STACK,
    STACK,
    TF,
    UD,
    USER_CODE,
    USER_CODE64,
    USER_DATA,
    VM,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

SAVED = IF | FIXED


@pytest.mark.parametrize(
    ("mode", "ring", "frame", "sp"),
    [
        ("real", 0, Frame(CODE + 1, 0, SAVED), STACK - 6),
        ("protected16", 0, Frame(CODE + 1, CODE16, SAVED), STACK - 12),
        ("protected32", 0, Frame(CODE + 1, KERNEL_CODE, SAVED), STACK - 12),
        ("paged32", 0, Frame(CODE + 1, KERNEL_CODE, SAVED), STACK - 12),
        ("long64", 0, Frame(CODE + 1, KERNEL_CODE64, SAVED, sp=STACK, ss=KERNEL_DATA), STACK - 40),
        ("compat32", 0, Frame(CODE + 1, KERNEL_CODE, SAVED, sp=STACK, ss=KERNEL_DATA), STACK - 40),
        ("protected32", 3, Frame(CODE + 1, USER_CODE, SAVED, sp=STACK, ss=USER_DATA), RING0_STACK - 20),
        ("paged32", 3, Frame(CODE + 1, USER_CODE, SAVED, sp=STACK, ss=USER_DATA), RING0_STACK - 20),
        ("long64", 3, Frame(CODE + 1, USER_CODE64, SAVED, sp=STACK, ss=USER_DATA), RING0_STACK - 40),
        ("compat32", 3, Frame(CODE + 1, USER_CODE, SAVED, sp=STACK, ss=USER_DATA), RING0_STACK - 40),
        ("vm86", 3, Frame(CODE + 1, 0, SAVED | VM, sp=STACK, ss=0, es=0, ds=0, fs=0, gs=0), RING0_STACK - 36),
    ],
)  # fmt: skip
def test_an_interrupt_between_two_nops_pushes_the_frame_of_its_mode(
    mode: str, ring: int, frame: Frame, sp: int
) -> None:
    """SDM vol. 3A 6.12.1, 6.14.2, 20.1.4; vol. 3B 20.3.1: flags, CS, IP, under the old stack where it is switched."""
    bench = X86Bench(mode, NOP * 4, ring=ring, flags=IF)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.rip == handler(0x40)
    assert bench.frame(outer=ring == 3, vm86=mode == "vm86") == frame
    assert bench.cpu["rsp"] == sp
    assert bench.flags == FIXED
    assert bench.cpu.cpl == 0


# ---- SYSCALL and SYSRET ----

SYSCALL, SYSRETQ, SYSENTER, SYSEXIT = (bytes.fromhex(code) for code in ("0f05", "480f07", "0f34", "0f35"))
STAR, LSTAR, FMASK, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP = 0xC0000081, 0xC0000082, 0xC0000084, 0x174, 0x175, 0x176
EFER, SCE = 0xC0000080, 1
ENTRY = handler(0xF0)


def with_syscall(code: bytes, *, ring: int = 3, flags: int = 0, mask: int = 0, **registers: int) -> X86Bench:
    bench = X86Bench("long64", code, ring=ring, flags=flags, **registers)
    bench.cpu.set_msr(EFER, bench.cpu.msr(EFER) & ~0x400 | SCE)
    bench.cpu.set_msr(STAR, KERNEL_CODE64 << 32 | USER_CODE << 48)
    bench.cpu.set_msr(LSTAR, ENTRY)
    bench.cpu.set_msr(FMASK, mask)
    return bench


def test_syscall_saves_rip_and_rflags_in_registers_and_masks_rflags() -> None:
    """SDM vol. 2B SYSCALL: RCX, R11, CS and SS from STAR[47:32], RSP as it was."""
    bench = with_syscall(SYSCALL, flags=IF | DF, mask=IF)
    bench.step()
    assert (bench.rip, bench.cpu["rcx"], bench.cpu["r11"]) == (ENTRY, CODE + 2, IF | DF | FIXED)
    assert (bench.cpu["cs"], bench.cpu["ss"], bench.cpu.cpl) == (KERNEL_CODE64, KERNEL_CODE64 + 8, 0)
    assert (bench.flags, bench.cpu["rsp"]) == (DF | FIXED, STACK)
    assert bench.vectors == []


def test_an_interrupt_after_syscall_finds_ring_0_on_the_user_stack() -> None:
    """SDM vol. 3A 6.14.4: no privilege change, so RSP is where SYSCALL left it. This is why kernels mask IF."""
    bench = with_syscall(SYSCALL, flags=IF)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(ENTRY, KERNEL_CODE64, IF | FIXED, sp=STACK, ss=KERNEL_CODE64 + 8)


def test_syscall_that_is_not_enabled_is_undefined() -> None:
    """SDM vol. 2B SYSCALL: #UD when EFER.SCE = 0."""
    bench = X86Bench("long64", SYSCALL, ring=3)
    bench.step()
    assert bench.vectors == [UD]
    assert bench.frame() == Frame(CODE, USER_CODE64, RF | FIXED, sp=STACK, ss=USER_DATA)


def test_a_single_step_trap_follows_syscall_at_its_target_unless_masked() -> None:
    """SDM vol. 2B SYSCALL, vol. 3B 17.3.1.4: TF in FMASK keeps the kernel from being stepped."""
    bench = with_syscall(SYSCALL, flags=TF)
    bench.memory.write(ENTRY, NOP + JMP_SELF)
    bench.step(2)
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(ENTRY, KERNEL_CODE64, TF | FIXED, sp=STACK, ss=KERNEL_CODE64 + 8)
    bench = with_syscall(SYSCALL, flags=TF, mask=TF)
    bench.step(3)
    assert bench.vectors == []


def test_sysret_goes_back_to_rcx_in_ring_3_with_the_flags_of_r11() -> None:
    """SDM vol. 2B SYSRET: CS = STAR[63:48] + 16, SS = STAR[63:48] + 8, both with RPL 3."""
    bench = with_syscall(SYSRETQ, ring=0, rcx=CODE + 0x100, r11=IF | FIXED)
    bench.memory.write(CODE + 0x100, JMP_SELF)
    bench.step()
    assert (bench.rip, bench.cpu.cpl, bench.flags) == (CODE + 0x100, 3, IF | FIXED)
    assert (bench.cpu["cs"], bench.cpu["ss"]) == (USER_CODE64, USER_DATA)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 0x100, USER_CODE64, IF | FIXED, sp=STACK, ss=USER_DATA)
    assert bench.cpu["rsp"] == RING0_STACK - 40


# ---- SYSENTER and SYSEXIT ----


def with_sysenter(mode: str, code: bytes, selector: int, *, model: str = "max", **state: int) -> X86Bench:
    bench = X86Bench(mode, code, model=model, **state)
    for msr, value in ((SYSENTER_CS, selector), (SYSENTER_ESP, RING0_STACK), (SYSENTER_EIP, ENTRY)):
        bench.cpu.set_msr(msr, value)
    return bench


@pytest.mark.parametrize(("mode", "selector"), [("protected32", KERNEL_CODE), ("long64", KERNEL_CODE64)])
def test_sysenter_takes_everything_from_its_msrs_and_clears_if(mode: str, selector: int) -> None:
    """SDM vol. 2B SYSENTER: CS, SS = CS + 8, ESP, EIP; IF and VM clear, nothing saved."""
    bench = with_sysenter(mode, SYSENTER, selector, ring=3, flags=IF)
    bench.step()
    assert (bench.rip, bench.cpu["rsp"], bench.cpu.cpl) == (ENTRY, RING0_STACK, 0)
    assert (bench.cpu["cs"], bench.cpu["ss"], bench.flags) == (selector, selector + 8, FIXED)
    assert bench.vectors == []


def test_sysenter_in_long_mode_is_undefined_on_an_amd_model() -> None:
    """AMD APM vol. 3 SYSENTER: not supported in long mode."""
    bench = with_sysenter("long64", SYSENTER, KERNEL_CODE64, model="opteron-g5", ring=3)
    bench.step()
    assert bench.vectors == [UD]
    assert bench.frame().ip == CODE


def test_sysenter_without_a_code_segment_is_a_general_protection_fault() -> None:
    """SDM vol. 2B SYSENTER: #GP(0) when IA32_SYSENTER_CS[15:2] is 0."""
    bench = with_sysenter("protected32", SYSENTER, 3, ring=3)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, outer=True) == Frame(CODE, USER_CODE, RF | FIXED, error=0, sp=STACK, ss=USER_DATA)


@pytest.mark.parametrize("steps", [(3,), (1, 1, 1)], ids=["in one piece", "in steps"])
def test_a_sysenter_that_faults_is_not_traced(steps: tuple[int, ...]) -> None:
    """SDM vol. 3A 6.9, vol. 3B 17.3.1.4: a single-step trap follows what has completed; the gate clears TF."""
    bench = with_sysenter("protected32", SYSENTER, 0, ring=3, flags=TF)
    bench.memory.write(handler(GP), NOP + NOP + JMP_SELF)
    for count in steps:
        bench.step(count)
    assert bench.vectors == [GP]
    frame = bench.frame(error=True, outer=True)
    assert frame == Frame(CODE, USER_CODE, RF | TF | FIXED, error=0, sp=STACK, ss=USER_DATA)
    assert bench.rip == handler(GP) + 2


def test_sysexit_goes_to_edx_with_the_stack_of_ecx_in_ring_3() -> None:
    """SDM vol. 2B SYSEXIT: CS = IA32_SYSENTER_CS + 16, SS = + 24, both with RPL 3."""
    bench = with_sysenter("protected32", SYSEXIT, KERNEL_CODE, rdx=CODE + 0x100, rcx=STACK - 0x10)
    bench.memory.write(CODE + 0x100, JMP_SELF)
    bench.step()
    assert (bench.rip, bench.cpu["rsp"], bench.cpu.cpl) == (CODE + 0x100, STACK - 0x10, 3)
    assert (bench.cpu["cs"], bench.cpu["ss"]) == (USER_CODE, USER_DATA)


def test_sysexit_outside_ring_0_is_a_general_protection_fault() -> None:
    """SDM vol. 2B SYSEXIT: #GP(0)."""
    bench = with_sysenter("protected32", SYSEXIT, KERNEL_CODE, ring=3)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, outer=True).ip == CODE
