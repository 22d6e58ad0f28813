"""The x86 part of a crash report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmm.arch.x86.vcpu import EFER, EFER_LMA, X86

LONGEST = 15
"""Bytes of an instruction at most (SDM vol. 2A, 2.3.11)."""

GENERAL = {
    32: (("eax", "ebx", "ecx", "edx"), ("esi", "edi", "ebp", "esp"), ("eip", "eflags")),
    64: (
        ("rax", "rbx", "rcx", "rdx"), ("rsi", "rdi", "rbp", "rsp"), ("r8", "r9", "r10", "r11"),
        ("r12", "r13", "r14", "r15"), ("rip", "rflags"),
    ),
}  # fmt: skip
CONTROL = ("cr0", "cr2", "cr3", "cr4")
SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs", "tr", "ldtr")
TABLES = ("gdtr", "idtr")
IF = 1 << 9


def code(cpu: X86) -> str:
    """What its code is now."""
    return f"{cpu.bits}-bit"


def registers(cpu: X86) -> Iterator[str]:
    """Lines of `name value`, in the width the vCPU has."""
    width = 64 if cpu.msr(EFER) & EFER_LMA else 32
    for row in (*GENERAL[width], CONTROL):
        yield "  ".join(f"{name:>6} {cpu[name]:0{width // 4}x}" for name in row)
    for name in SEGMENTS:
        segment = cpu.segment(name)
        yield f"{name:>6} {segment.selector:04x}  base {segment.base:0{width // 4}x}  limit {segment.limit:08x}"
    for name in TABLES:
        segment = cpu.segment(name)
        yield f"{name:>6}       base {segment.base:0{width // 4}x}  limit {segment.limit:04x}"
    nmi = "blocked" if cpu.nmi_blocked else "open"
    yield f"    IF {int(cpu['rflags'] & IF != 0)}  CPL {cpu.cpl}  shadow {cpu.shadow or 'none'}  NMI {nmi}"


def disassembler(cpu: X86) -> Any:
    """Capstone's, for that code."""
    from capstone import CS_ARCH_X86, CS_MODE_16, CS_MODE_32, CS_MODE_64, Cs

    return Cs(CS_ARCH_X86, {16: CS_MODE_16, 32: CS_MODE_32, 64: CS_MODE_64}[cpu.bits])
