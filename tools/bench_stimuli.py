"""The benchmark's row for stimuli: a line that the core pulses a million times, against a guest's own pulses."""

from __future__ import annotations

import time

from vmm import Periodic
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

PULSES = 1_000_000
CODE, HANDLER, IDT, GDT, STACK = 0x1000, 0x3000, 0x2000, 0x4000, 0x8000
IRQ, VECTOR, CS = 4, 0x24, 0x10
ROUND = 10
"""Instructions from pulse to pulse; the handler is over by then."""
SPIN = bytes.fromhex("ebfe")
END = bytes.fromhex("46 b020 e620 cf")  # inc esi; mov al, 20h; out 20h, al; iret


def machine() -> Machine:
    """Interrupts are on, IRQ 4 is unmasked, its handler counts in ESI."""
    m = Machine(Config(memory=MIB, board="pc,pit=off"))
    for address, data in ((CODE, SPIN), (HANDLER, END), (GDT + CS, bytes.fromhex("ffff0000009acf00"))):
        m.memory.write(address, data)
    m.memory.write(IDT + 8 * VECTOR, (HANDLER | CS << 16 | 0x8E00 << 32).to_bytes(8, "little"))
    m.cpu.enter_protected32(CODE, {"rsp": STACK, "rflags": 0x202})
    segment = type(m.cpu.segment("idtr"))
    m.cpu.set_segment("idtr", segment(0, IDT, 0x7FF, 0))
    m.cpu.set_segment("gdtr", segment(0, GDT, 0x1F, 0))
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1), (1, 0xFF & ~(1 << IRQ))):
        m.pic.write(0, a0, value)
    return m


def stimulus_rate() -> float:
    """Interrupts a second."""
    m = machine()
    handle = m.stimulate(m.irq(IRQ), Periodic(ROUND, start=ROUND, count=PULSES))
    started = time.perf_counter()
    m.run(insns=ROUND * (PULSES + 1))
    seconds = time.perf_counter() - started
    assert (handle.requested, m.cpu["esi"]) == (PULSES, PULSES), "every pulse was one interrupt"
    return PULSES / seconds
