"""An ARM vCPU, AArch64 or ARMv7-A, as reports and the stepper show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmm.arch.architecture import Value
from vmm.arch.arm.frame import IT, it
from vmm.arch.arm.frame import entered as entered
from vmm.arch.arm.frame import frame as frame
from vmm.arch.arm.frame import interrupted as interrupted
from vmm.arch.arm.frame import stack as stack
from vmm.arch.arm.vcpu import CODE, NOT_A64, THUMB, Arm

LONGEST = 4
"""Bytes of an instruction at most."""

GENERAL = {
    "arm64": (*(tuple(f"x{n}" for n in range(first, first + 4)) for first in range(0, 28, 4)), ("x28", "x29", "x30"),
              ("sp", "pc", "pstate")),
    "arm": (("r0", "r1", "r2", "r3"), ("r4", "r5", "r6", "r7"), ("r8", "r9", "r10", "r11"), ("r12", "sp", "lr", "pc"),
            ("cpsr", "spsr")),
}  # fmt: skip
SYSTEM32 = (("dfsr", "dfar", "ifsr", "ifar"), ("sctlr", "vbar"))
SYSTEM64 = (("esr", "far", "elr"), ("spsr", "vbar"))
"""Of each exception level."""
MASKS = {"D": 1 << 9, "A": 1 << 8, "I": 1 << 7, "F": 1 << 6}
"""Of PSTATE and CPSR, whose bit 9 is not a mask but the byte order."""
CONDITIONS = {"N": 1 << 31, "Z": 1 << 30, "C": 1 << 29, "V": 1 << 28}
FIRST = {"arm64": ("pc", "sp", "pstate"), "arm": ("pc", "sp", "cpsr")}
"""Of its registers."""


def code(cpu: Arm) -> str:
    """The instruction set it is in now."""
    return CODE[cpu.bits]


def registers(cpu: Arm) -> Iterator[str]:
    """Lines of `name value`, in the width the architecture has; then the mode and what is masked."""
    for row in (*GENERAL[cpu.arch], *_system(cpu)):
        yield "  ".join(f"{name:>8} {cpu[name]:0{16 if cpu.arch == 'arm64' else 8}x}" for name in row)
    masks = "AIF" if cpu.arch == "arm" else "DAIF"
    state = "  ".join(f"{name} {int(cpu.pstate & MASKS[name] != 0)}" for name in masks)
    yield f"    mode {cpu.mode}  {state}{'  waits in WFI' * cpu.halted}"


def _system(cpu: Arm) -> Iterator[tuple[str, ...]]:
    """EL1's, and those of higher levels that are in use."""
    if cpu.arch == "arm":
        yield from SYSTEM32
        return
    for level in (1, 2, 3):
        if level == 1 or level <= cpu.el or cpu[f"vbar_el{level}"]:
            yield from (tuple(f"{name}_el{level}" for name in row) for row in SYSTEM64)


def disassembler(bits: int) -> Any:
    """Capstone's, for that code."""
    from capstone import CS_ARCH_ARM, CS_ARCH_ARM64, CS_MODE_ARM, CS_MODE_THUMB, Cs

    if bits == 64:
        return Cs(CS_ARCH_ARM64, CS_MODE_ARM)
    return Cs(CS_ARCH_ARM, CS_MODE_THUMB if bits == 16 else CS_MODE_ARM)


def before(cpu: Arm, address: int) -> bytes:
    """The IT instruction that has the rest of the block the vCPU is in now (DDI0406 A2.5.2)."""
    state = cpu.it_state if cpu.bits == 16 and address == cpu.pc else 0
    return it(state)


def behind(before: bytes, code: bytes) -> bytes:
    """That of one instruction less, or of an IT instruction itself."""
    if len(code) == 2 and code[1] == IT and code[0] & 0xF:
        return code
    return it(before[0] & 0xE0 | before[0] << 1 & 0x1F if before else 0)


def values(cpu: Arm) -> Iterator[Value]:
    """Those that say where it is, then the general ones, then what exceptions are about."""
    digits, first = (16 if cpu.arch == "arm64" else 8), FIRST[cpu.arch]
    general = (name for row in GENERAL[cpu.arch] for name in row)
    system = (name for row in _system(cpu) for name in row)
    for name in (*first, *(name for name in general if name not in first), *system):
        yield Value(name, cpu[name], digits)


def flags(cpu: Arm) -> Iterator[tuple[str, bool]]:
    """Of PSTATE or CPSR; the masks as the manuals name them."""
    now = cpu.pstate
    a32 = now & NOT_A64
    masks = {name: MASKS[name] for name in ("AIF" if a32 else "DAIF")}
    bits = CONDITIONS | masks | ({"T": THUMB} if a32 else {})
    return ((name, bool(now & bit)) for name, bit in bits.items())
