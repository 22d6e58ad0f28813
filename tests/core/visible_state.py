"""All that can be seen of a machine from outside, and a way away from a snapshot and back to it."""

from __future__ import annotations

from typing import Any

from vmm.arch.x86.vcpu import SEGMENTS, X86
from vmm.machine.machine import Machine


def vcpu(cpu: Any) -> tuple[object, ...]:
    own: tuple[object, ...] = (cpu.count, cpu.pc, cpu.halted, cpu.off, cpu.recent(), {name: cpu[name] for name in cpu})
    if isinstance(cpu, X86):
        return (*own, cpu.shadow, cpu.nmi_blocked, cpu.cpl, [cpu.segment(name) for name in SEGMENTS])
    return (*own, cpu.pstate, cpu.it_state)


def outside(machine: Machine) -> dict[str, object]:
    """Everything but RAM."""
    return {
        "hash": machine.trace.hash,
        "events": machine.trace.last(4096),
        "statistics": list(machine.trace.interrupts()),
        "guest errors": (machine.trace.guest_errors, machine.trace.first_guest_errors()),
        "time": (machine.instructions, machine.now_ns),
        "stop": machine.stop,
        "vCPUs": [vcpu(cpu) for cpu in machine.cpus],
    }


def ram(machine: Machine) -> bytes:
    return machine.memory.read(machine.memory.base, machine.memory.size)


def everything(machine: Machine) -> dict[str, object]:
    return outside(machine) | {"RAM": ram(machine)}


def there_and_back(machine: Machine, insns: int = 40) -> None:
    """Go on for a while, spoil what is left, and come back; nothing that can be seen may have changed."""
    before = everything(machine)
    snapshot = machine.snapshot()
    machine.run(insns=insns)
    general = ("rax", "rsp", "rflags") if machine.architecture == "x86" else ("sp", "pc")
    for name in general:
        machine.cpu[name] = 0x40010008
    machine.memory.write(machine.memory.base, b"\xa5" * 0x1000)
    machine.restore(snapshot)
    assert everything(machine) == before
