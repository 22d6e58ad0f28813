"""A guest that counts and serves IRQ 5, and a scenario run beside it."""

from __future__ import annotations

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, IDT, HANDLER, STACK = 0x1000, 0x2000, 0x3000, 0x8000
IRQ5 = 0x25
IF = 1 << 9

COUNT_FOR_EVER = bytes.fromhex("40 ebfd")  # inc eax; jmp .-1
# inc ebx; mov al, 65h (specific EOI of IR5); out 20h, al; iret
END_IR5 = bytes.fromhex("43 50 b065 e620 58 cf")


def machine(code: bytes = COUNT_FOR_EVER, handler: bytes = END_IR5, flags: int = IF, **options) -> Machine:
    """32-bit code at CODE with IRQ 5 unmasked at vector 25h."""
    m = Machine(Config(memory=MIB, **{"board": "pc,pit=off"} | options))
    m.memory.write(CODE, code)
    m.memory.write(HANDLER, handler)
    for vector in range(64):
        gate = HANDLER & 0xFFFF | 0x10 << 16, HANDLER >> 16 << 16 | 0x8E00
        m.memory.write(IDT + 8 * vector, b"".join(half.to_bytes(4, "little") for half in gate))
    m.cpu.enter_protected32(CODE, {"rsp": STACK, "rflags": flags | 2})
    m.cpu.set_segment("idtr", type(m.cpu.segment("idtr"))(0, IDT, 0x1FF, 0))
    m.memory.write(0x4000, bytes.fromhex("0000000000000000 ffff0000009acf00"))
    m.cpu.set_segment("gdtr", type(m.cpu.segment("idtr"))(0, 0x4000 - 8, 0x1F, 0))
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1), (1, 0xFF & ~(1 << 5))):
        m.pic.write(0, a0, value)
    m.limit(insns=100_000)
    return m


def run(m: Machine, scenario, **options) -> list:
    """What the scenario returns, after the machine has run to its end."""
    task = m.start(scenario)
    m.run(**{"insns": 5000} | options)
    assert task.finished, m.waiting
    return task.result
