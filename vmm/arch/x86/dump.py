"""An x86 vCPU as reports and the stepper show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmm.arch.architecture import Value
from vmm.arch.x86.frame import entered as entered
from vmm.arch.x86.frame import frame as frame
from vmm.arch.x86.frame import interrupted as interrupted
from vmm.arch.x86.frame import stack as stack
from vmm.arch.x86.vcpu import IF, X86, in_long_mode

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
SELECTORS = ("cs", "ss", "ds", "es", "fs", "gs")
FLAGS = {
    "CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "OF": 11, "DF": 10, "IF": 9, "TF": 8, "NT": 14, "RF": 16, "VM": 17,
    "AC": 18,
}  # fmt: skip
"""By their bits (SDM vol. 1 3.4.3)."""


def code(cpu: X86) -> str:
    """What its code is now."""
    return f"{cpu.bits}-bit"


def registers(cpu: X86) -> Iterator[str]:
    """Lines of `name value`, in the width the vCPU has."""
    width = 64 if in_long_mode(cpu) else 32
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


def disassembler(bits: int) -> Any:
    """Capstone's, for that code."""
    from capstone import CS_ARCH_X86, CS_MODE_16, CS_MODE_32, CS_MODE_64, Cs

    return Cs(CS_ARCH_X86, {16: CS_MODE_16, 32: CS_MODE_32, 64: CS_MODE_64}[bits])


def before(cpu: X86, address: int) -> bytes:
    """An instruction stands for itself."""
    return b""


def behind(before: bytes, code: bytes) -> bytes:
    """So does the next."""
    return b""


def values(cpu: X86) -> Iterator[Value]:
    """General registers in the width the vCPU has, then what decides how they are used."""
    width = 64 if in_long_mode(cpu) else 32
    for name in (*(name for row in GENERAL[width] for name in row), *CONTROL):
        yield Value(name, cpu[name], width // 4)
    for name in SELECTORS:
        yield Value(name, cpu[name], 4)


def flags(cpu: X86) -> Iterator[tuple[str, bool]]:
    """Of RFLAGS."""
    now = cpu["rflags"]
    return ((name, bool(now >> bit & 1)) for name, bit in FLAGS.items())
