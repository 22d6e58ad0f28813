"""What an ARM exception keeps of what it interrupted, in registers (DDI0487 D1.10.1, DDI0406 B1.8.3)."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch.architecture import Field, Interrupted
from vmm.arch.arm.vcpu import NOT_A64, THUMB, Arm
from vmm.core.event import Event

IT = 0xBF
"""The high byte of its encoding; the low one is ITSTATE, and a hint where no mask is in it."""
TE = 1 << 30
NAMES = {"arm64": ("elr_el{}", "spsr_el{}", "esr_el{}"), "arm": ("lr", "spsr")}


def interrupted(cpu: Arm, event: Event) -> Interrupted:
    """In the instruction set, and the IT block, that the SPSR leads back to. An LR of ARMv7-A is behind it."""
    bits = 64 if not event.flags & NOT_A64 else 16 if event.flags & THUMB else 32
    state = event.flags >> 8 & 0xFC | event.flags >> 25 & 3 if bits == 16 else 0
    return Interrupted(event.interrupted, bits, it(state))


def it(state: int) -> bytes:
    """The IT instruction that has the rest of a block, by its ITSTATE (DDI0406 A2.5.2); none outside of one."""
    return bytes([state, IT]) if state & 0xF else b""


def entered(cpu: Arm, event: Event) -> int:
    """The instruction set that exceptions are taken in now (DDI0406 B1.8.3: SCTLR.TE)."""
    if cpu.arch == "arm64":
        return 64
    return 16 if cpu["sctlr"] & TE else 32


def stack(cpu: Arm) -> tuple[int, int]:
    """The address of its top, and the bytes of a register."""
    return cpu["sp"], 8 if cpu.arch == "arm64" else 4


def frame(cpu: Arm, event: Event) -> Iterator[Field]:
    """Where it returns to, its state, and why it came. ARMv7-A has them banked: none where the handler has changed to
    another mode, whose SPSR is another one's.
    """
    if cpu.arch == "arm" and cpu["spsr"] != event.flags:
        return
    size = 8 if cpu.arch == "arm64" else 4
    delivered = event.pc, event.flags, event.error
    for n, (name, value) in enumerate(zip(NAMES[cpu.arch], delivered, strict=False)):
        if value is not None:
            register = name.format(event.target_el)
            yield Field(register.upper(), None, size, cpu[register], value, leads=n == 0)
