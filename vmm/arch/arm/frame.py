"""What an ARM exception keeps of what it interrupted, in registers (DDI0487 D1.10.1, DDI0406 B1.8.3)."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch.architecture import Field
from vmm.arch.arm.vcpu import NOT_A64, THUMB, Arm
from vmm.core.event import Event

TE = 1 << 30
NAMES = {"arm64": ("elr_el{}", "spsr_el{}", "esr_el{}"), "arm": ("lr", "spsr")}


def interrupted(cpu: Arm, event: Event) -> int:
    """The instruction set of the code that the SPSR leads back to."""
    if not event.flags & NOT_A64:
        return 64
    return 16 if event.flags & THUMB else 32


def entered(cpu: Arm, event: Event) -> int:
    """The instruction set that exceptions are taken in now (DDI0406 B1.8.3: SCTLR.TE)."""
    if cpu.arch == "arm64":
        return 64
    return 16 if cpu["sctlr"] & TE else 32


def stack(cpu: Arm) -> tuple[int, int]:
    """The address of its top, and the bytes of a register."""
    return cpu["sp"], 8 if cpu.arch == "arm64" else 4


def frame(cpu: Arm, event: Event) -> Iterator[Field]:
    """Where it returns to, its state, and why it came; of ARMv7-A as the handler's mode has them banked."""
    size = 8 if cpu.arch == "arm64" else 4
    delivered = event.pc, event.flags, event.error
    for name, value in zip(NAMES[cpu.arch], delivered, strict=False):
        if value is not None:
            register = name.format(event.target_el)
            yield Field(register.upper(), None, size, cpu[register], value)
