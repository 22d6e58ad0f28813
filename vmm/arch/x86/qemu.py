"""The registers of an x86 vCPU in QEMU's words: what its `-d cpu` and `info registers` write.

What is QEMU's own, as the lazy condition codes are, is left out, and so are A20 and SMM.
"""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch.x86.vcpu import CR0_PE, DESC_B, DESC_L, EFER, X86, in_long_mode

GENERAL = {
    False: (("EAX", "EBX", "ECX", "EDX"), ("ESI", "EDI", "EBP", "ESP")),
    True: (("RAX", "RBX", "RCX", "RDX"), ("RSI", "RDI", "RBP", "RSP"), ("R8", "R9", "R10", "R11"),
           ("R12", "R13", "R14", "R15")),
}  # fmt: skip
"""By whether it is in long mode."""
FLAGS = ((10, "D"), (11, "O"), (7, "S"), (6, "Z"), (4, "A"), (2, "P"), (0, "C"))
CONTROL, NARROW = ("CR0", "CR2", "CR3", "CR4"), ("CR0", "CR4")
SEGMENTS = {"ES": "es", "CS": "cs", "SS": "ss", "DS": "ds", "FS": "fs", "GS": "gs", "LDT": "ldtr", "TR": "tr"}
PRESENT, CODE_OR_DATA, CODE = 1 << 15, 1 << 12, 1 << 11
ACCESSED, READ_OR_WRITE, CONFORMING_OR_DOWN = 1 << 8, 1 << 9, 1 << 10
SYSTEM = {
    False: ("Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
            "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32"),
    True: ("<hiword>", "Reserved", "LDT", *("Reserved",) * 6, "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64",
           "Reserved", "IntGate64", "TrapGate64"),
}  # fmt: skip
"""Types of system descriptors (SDM 3A table 3-2), by whether it is in long mode."""


def registers(cpu: X86) -> Iterator[str]:
    """A line after the other."""
    long = in_long_mode(cpu)
    wide = 16 if long else 8
    for row in GENERAL[long]:
        yield " ".join(f"{name:3}={cpu[name.lower()]:0{wide}x}" for name in row)
    flags = cpu["eflags"]
    told = "".join(letter if flags >> bit & 1 else "-" for bit, letter in FLAGS)
    ip = f"RIP={cpu['rip']:016x} RFL={flags:08x}" if long else f"EIP={cpu['eip']:08x} EFL={flags:08x}"
    yield f"{ip} [{told}] CPL={cpu.cpl} II={int(cpu.shadow is not None)} HLT={int(cpu.halted)}"
    protected = bool(cpu["cr0"] & CR0_PE)
    for name, register in SEGMENTS.items():
        yield _segment(cpu, name, register, protected=protected, long=long)
    for name, register in {"GDT": "gdtr", "IDT": "idtr"}.items():
        table = cpu.segment(register)
        yield f"{name}=     {table.base:0{wide}x} {table.limit:08x}"
    yield " ".join(f"{name}={cpu[name.lower()]:0{8 if name in NARROW else wide}x}" for name in CONTROL)
    yield "".join(f"DR{n}={cpu[f'dr{n}']:016x} " for n in range(4))
    yield f"DR6={cpu['dr6']:016x} DR7={cpu['dr7']:016x}"
    yield f"EFER={cpu.msr(EFER):016x}"


def _segment(cpu: X86, name: str, register: str, *, protected: bool, long: bool) -> str:
    segment = cpu.segment(register)
    attributes = segment.attributes
    line = f"{name:3}={segment.selector:04x} {segment.base:0{16 if long else 8}x} {segment.limit:08x} {attributes:08x}"
    if not protected or not attributes & PRESENT:
        return line
    line += f" DPL={attributes >> 13 & 3} "
    if not attributes & CODE_OR_DATA:
        return line + SYSTEM[long][attributes >> 8 & 15]
    if attributes & CODE:
        kind = "CS64" if attributes & DESC_L else "CS32" if attributes & DESC_B else "CS16"
        bits = ((CONFORMING_OR_DOWN, "C"), (READ_OR_WRITE, "R"), (ACCESSED, "A"))
    else:
        kind = "DS  " if attributes & DESC_B or long else "DS16"
        bits = ((CONFORMING_OR_DOWN, "E"), (READ_OR_WRITE, "W"), (ACCESSED, "A"))
    return f"{line}{kind} [{''.join(letter if attributes & bit else '-' for bit, letter in bits)}]"
