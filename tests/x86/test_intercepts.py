"""CPUID, RDTSC, MSRs and CR8: instructions the core finishes itself must end like any other (rules 1, 12)."""

from __future__ import annotations

import pytest

from vmm.core.native import lib
from x86.x86_bench import (
    CODE,
    CPUID,
    DB,
    FIXED,
    GP,
    IF,
    KERNEL_CODE64,
    KERNEL_DATA,
    MOV_SS_AX,
    NOP,
    RDMSR,
    RDTSC,
    RF,
    STACK,
    TF,
    UD,
    WRMSR,
    Frame,
    X86Bench,
)  # fmt: skip

MOV_CR8_RAX, MOV_RAX_CR8 = bytes.fromhex("440f22c0"), bytes.fromhex("440f20c0")
FS_BASE, TSC, UNKNOWN_MSR = 0xC0000100, 0x10, 0x12345
INSN_NS = 10


@pytest.mark.parametrize(
    ("code", "rcx"), [(CPUID, 0), (RDTSC, 0), (RDMSR, FS_BASE), (WRMSR, FS_BASE), (MOV_CR8_RAX, 0), (MOV_RAX_CR8, 0)]
)
def test_a_single_step_trap_follows_an_intercepted_instruction(code: bytes, rcx: int) -> None:
    """SDM vol. 3B 17.3.1.4: #DB with BS after it, the next instruction's RIP in the frame."""
    bench = X86Bench("long64", code + NOP, flags=TF, rax=0, rdx=0, rcx=rcx)
    bench.step(2)
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(CODE + len(code), KERNEL_CODE64, TF | FIXED, sp=STACK, ss=KERNEL_DATA)
    assert bench.cpu["dr6"] & 0x4000


@pytest.mark.parametrize("code", [CPUID, RDTSC])
def test_they_end_like_any_other_where_smap_keeps_the_core_from_the_code(code: bytes) -> None:
    """SDM vol. 3A 4.6.1: SMAP is about data accesses of a supervisor; a program in ring 3 is read all the same."""
    bench = X86Bench("long64", code, ring=3, model="max")
    bench.cpu["cr4"] = bench.cpu["cr4"] | 1 << 21
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 2)


@pytest.mark.parametrize("code", [CPUID, RDTSC])
def test_an_intercepted_instruction_ends_a_mov_ss_shadow(code: bytes) -> None:
    """SDM vol. 3A 6.8.3: it is the one instruction that is covered."""
    bench = X86Bench("protected32", MOV_SS_AX + code + NOP, flags=IF, rax=KERNEL_DATA)
    bench.step()
    bench.external(0x40)
    bench.step(2)
    assert bench.vectors == [0x40]
    assert bench.frame().ip == CODE + 4


def test_a_pending_interrupt_is_taken_right_after_an_intercepted_instruction() -> None:
    """SDM vol. 3A table 6-2."""
    bench = X86Bench("long64", CPUID + NOP, flags=IF)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame().ip == CODE + 2


@pytest.mark.parametrize("code", [RDMSR, WRMSR])
def test_an_msr_that_does_not_exist_is_a_general_protection_fault(code: bytes) -> None:
    """SDM vol. 2B RDMSR, WRMSR: #GP(0) at the instruction; no register changes."""
    bench = X86Bench("long64", code, rcx=UNKNOWN_MSR, rax=5, rdx=6)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True) == Frame(CODE, KERNEL_CODE64, RF | FIXED, error=0, sp=STACK, ss=KERNEL_DATA)
    assert (bench.cpu["rax"], bench.cpu["rdx"]) == (5, 6)


@pytest.mark.parametrize("code", [RDMSR, WRMSR, MOV_CR8_RAX, MOV_RAX_CR8])
def test_msrs_and_cr8_are_for_ring_0(code: bytes) -> None:
    """SDM vol. 2B RDMSR, MOV CR: #GP(0)."""
    bench = X86Bench("long64", code, ring=3, rcx=FS_BASE, rax=0)
    bench.step()
    assert bench.vectors == [GP]
    assert (bench.frame(error=True).error, bench.frame(error=True).ip) == (0, CODE)


def test_wrmsr_then_rdmsr_gives_the_value_back() -> None:
    """SDM vol. 2B: EDX:EAX, the upper halves of RAX and RDX cleared by RDMSR."""
    bench = X86Bench("long64", WRMSR + RDMSR, rcx=FS_BASE, rax=0x89ABCDEF, rdx=0x4567)
    bench.step()
    bench.cpu["rax"] = bench.cpu["rdx"] = 0xFFFF_FFFF_FFFF_FFFF
    bench.step()
    assert (bench.cpu["rax"], bench.cpu["rdx"]) == (0x89ABCDEF, 0x4567)
    assert bench.cpu.segment("fs").base == 0x456789ABCDEF
    assert bench.rip == CODE + 4


def test_an_msr_base_that_is_not_canonical_is_refused() -> None:
    """SDM vol. 2B WRMSR: #GP(0)."""
    bench = X86Bench("long64", WRMSR, rcx=FS_BASE, rax=0, rdx=0x8000)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True).error == 0


def test_rdtsc_counts_one_a_virtual_nanosecond() -> None:
    """SDM vol. 3B 17.17: a constant rate; here the third instruction to begin reads 3 * 10 ns."""
    bench = X86Bench("long64", NOP * 2 + RDTSC + NOP * 4 + RDTSC)
    bench.step(3)
    assert (bench.cpu["rax"], bench.cpu["rdx"]) == (3 * INSN_NS, 0)
    bench.step(5)
    assert bench.cpu["rax"] == 8 * INSN_NS


def test_a_written_tsc_goes_on_from_what_was_written() -> None:
    """SDM vol. 3B 17.17.3."""
    bench = X86Bench("long64", WRMSR + NOP * 3 + RDTSC, rcx=TSC, rax=1000, rdx=7)
    bench.step(5)
    assert (bench.cpu["rax"], bench.cpu["rdx"]) == (1000 + 4 * INSN_NS, 7)


def test_rdtsc_in_ring_3_obeys_cr4_tsd() -> None:
    """SDM vol. 2B RDTSC: #GP(0) when CR4.TSD = 1 and CPL is not 0."""
    bench = X86Bench("long64", RDTSC, ring=3)
    bench.cpu["cr4"] = bench.cpu["cr4"] | 4
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True).ip == CODE


@pytest.mark.parametrize("value", [0, 5, 15])
def test_cr8_is_the_task_priority_class(value: int) -> None:
    """SDM vol. 3A 11.8.6.1: CR8 is TPR[7:4], and TPR[3:0] becomes 0."""
    bench = X86Bench("long64", MOV_CR8_RAX + MOV_RAX_CR8, rax=value)
    bench.step()
    assert lib.vmm_lapic_of(bench.machine._native.vcpus[0]).tpr == value << 4
    bench.cpu["rax"] = 0xFF
    bench.step()
    assert bench.cpu["rax"] == value


def test_cr8_has_no_bits_above_the_fourth() -> None:
    """SDM vol. 3A 11.8.6: reserved bits give #GP(0)."""
    bench = X86Bench("long64", MOV_CR8_RAX, rax=16)
    bench.step()
    assert bench.vectors == [GP]
    assert lib.vmm_lapic_of(bench.machine._native.vcpus[0]).tpr == 0


def test_cpuid_leaf_1_names_the_apic_while_it_is_enabled() -> None:
    """SDM vol. 3A 11.4.3: CPUID.1:EDX[9] follows IA32_APIC_BASE[11]."""
    bench = X86Bench("long64", CPUID, rax=1)
    bench.cpu.set_msr(0x1B, bench.cpu.msr(0x1B) & ~0x800)
    bench.step()
    assert not bench.cpu["rdx"] >> 9 & 1
    bench = X86Bench("long64", CPUID, rax=1)
    bench.cpu.set_msr(0x1B, bench.cpu.msr(0x1B) | 0x800)
    bench.step()
    assert bench.cpu["rdx"] >> 9 & 1


def test_ud2_with_a_lock_prefix_and_monitor_are_undefined() -> None:
    """SDM vol. 2: #UD at the instruction; CPUID announces no MONITOR."""
    for code in (bytes.fromhex("f00f0b"), bytes.fromhex("0f01c8")):
        bench = X86Bench("long64", code)
        bench.step()
        assert bench.vectors == [UD]
        assert bench.frame().ip == CODE
