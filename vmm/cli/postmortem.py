"""What a crashed guest leaves behind: registers, the last instructions, the last events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from vmm.cpu.x86 import EFER, EFER_LMA, X86
from vmm.errors import VmmError
from vmm.machine import Machine, Stop
from vmm.trace import Event

INSTRUCTIONS = 8
EVENTS = 8
LONGEST = 15
"""Bytes of an x86 instruction at most (SDM vol. 2A, 2.3.11)."""
PAGE = 0x1000

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

WORDS = {
    "line": "line {number} becomes {value}",
    "pending": "request latched at pin {number}",
    "delivered": "vector {number:#04x} delivered ({source})",
    "acknowledged": "vector {number:#04x} acknowledged",
    "ended": "interrupt of pin {number} ended",
    "spurious": "spurious vector {number:#04x}",
    "masked": "mask of controller {number} set to {value:#04x}",
    "fault chain": "vector {number:#04x} could not be delivered: {value:#04x}",
    "task switch": "task switch to TSS {number:#06x}",
    "trapped": "trapped (kind {number}, {value:#x})",
    "stop": "stop",
    "guest error": "guest error {number} ({value:#x})",
}
"""An event in a reader's words, by its kind."""


def is_crash(stop: Stop) -> bool:
    """Whether the guest went wrong, and not just to its end: idle counts where it masked what could wake it."""
    return stop.reason in ("shutdown", "unmapped", "engine") or (stop.reason == "idle" and stop.code != 0)


def show(machine: Machine, file: TextIO) -> None:
    """Print all of it."""
    for title, lines in (
        ("registers", registers(machine.cpu)),
        (f"the last instructions ({machine.cpu.bits}-bit)", instructions(machine)),
        ("the last events", map(_event, machine.trace.last(EVENTS))),
    ):
        print(f"{title}:", *(f"  {line}" for line in lines), sep="\n", file=file)


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


def instructions(machine: Machine) -> Iterator[str]:
    """The last ones begun, as memory and code width are now."""
    from capstone import CS_ARCH_X86, CS_MODE_16, CS_MODE_32, CS_MODE_64, Cs

    mode = {16: CS_MODE_16, 32: CS_MODE_32, 64: CS_MODE_64}[machine.cpu.bits]
    disassembler = Cs(CS_ARCH_X86, mode)
    for linear in machine.cpu.recent()[-INSTRUCTIONS:]:
        code = _fetch(machine.cpu, linear)
        decoded = next(disassembler.disasm_lite(code, linear, 1), None)
        text = " ".join(decoded[2:]).strip() if decoded else "(bad)" if code else "(not mapped)"
        yield f"{text:40}{machine.where(linear)}"


def _fetch(cpu: X86, linear: int) -> bytes:
    """The bytes of one instruction at most; fewer where the next page is not mapped."""
    for size in (LONGEST, min(LONGEST, PAGE - linear % PAGE)):
        try:
            return cpu.read(linear, size)
        except VmmError:
            continue
    return b""


def _event(event: Event) -> str:
    words = WORDS[event.kind].format_map(event._asdict())
    error = f", error code {event.error:#x}" if event.error is not None else ""
    return f"insn {event.insns}: {words}{error}"
