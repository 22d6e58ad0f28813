"""Random trees of snapshots, each held against a full copy of RAM and of all that can be seen.

The guests write all over RAM and into their own code, and into that of another vCPU, while interrupts come and go.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core.visible_state import everything
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot

CODE, OTHER, PATCHED, STACK, IDT, GDT, HANDLER = 0x1000, 0x2000, 0x3000, 0x8000, 0x6000, 0x6800, 0x7000

# again: imul eax, eax, 41c64e6dh; add eax, 12345; mov edx, eax; shr edx, 12; and edx, 7fffch
#        add [edx+40000h], eax; mov [PATCHED+1], eax; call PATCHED; xor esi, ebx; jmp again
SCATTER = bytes.fromhex("69c06d4ec641 0539300000 89c2 c1ea0c 81e2fcff0700 018200000400 a301300000 e8da1f0000 31de ebd6")
PATCHING = CODE + 28
# PATCHED: mov ebx, operand; ret
OPERAND = bytes.fromhex("bb00000000 c3")
# OTHER: call PATCHED; add [5000h], ebx; jmp OTHER
FOLLOW = bytes.fromhex("e8fb0f0000 011d00500000 ebf3")
EOI = bytes.fromhex("50 b020 e620 58 cf")  # push eax; mov al, 20h; out 20h, al; pop eax; iretd


def scatter(cpus: int) -> Machine:
    """vCPU 0 scatters and patches, the others execute what it patched; IRQ 0-7 are vectors 20h-27h."""
    machine = Machine(Config(memory=MIB, smp=cpus, seed=7, board="pc,quantum=50"))
    gate = (HANDLER | 8 << 16).to_bytes(4, "little") + (0x8E00).to_bytes(4, "little")
    for address, data in {
        CODE: SCATTER, OTHER: FOLLOW, PATCHED: OPERAND, HANDLER: EOI, IDT: gate * 256,
        GDT: bytes(8) + bytes.fromhex("ffff0000009bcf00"),
    }.items():  # fmt: skip
        machine.memory.write(address, data)
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1), (1, 0)):
        machine.pic.write(0, a0, value)
    for index, cpu in enumerate(machine.cpus):
        cpu.enter_protected32(OTHER if index else CODE, {"rsp": STACK + 0x1000 * index})
        for table, base in (("gdtr", GDT), ("idtr", IDT)):
            cpu.set_segment(table, type(cpu.segment(table))(0, base, 0x7FF, 0))
        cpu.set_segment("cs", type(cpu.segment("cs"))(8, 0, 0xFFFFFFFF, 0xCF9B00))
        cpu["rflags"] = 0x202
        cpu._native.off = 0
    return machine


def pulse(machine: Machine, dice: random.Random) -> None:
    machine.irq(dice.choice([1, 5, 6])).pulse()


def poke(machine: Machine, dice: random.Random) -> None:
    """A script writes anywhere but over the code and the tables."""
    memory = machine.memory
    memory.write(memory.base + dice.randrange(memory.size // 2, memory.size - 64), dice.randbytes(64))


GROWN: dict[str, Callable[[], Machine]] = {
    "one vCPU": lambda: scatter(1),
    "three vCPUs": lambda: scatter(3),
    "ARM, two vCPUs": lambda: boot("arm64/sgi_ping_pong", memory=2 * MIB),
}


def test_the_guests_write_far_and_wide_and_take_interrupts():
    machine = scatter(3)
    for _ in range(20):
        machine.irq(5).pulse()
        machine.run(insns=1000)
    assert {cpu.count > 1000 for cpu in machine.cpus} == {True}
    assert machine._native.pages.written_count > 100
    assert {row.vector for row in machine.trace.interrupts()} == {0x25}


@pytest.mark.parametrize("name", GROWN)
@pytest.mark.parametrize("seed", range(3))
def test_any_snapshot_of_a_tree_is_what_was_copied_whole(name, seed):
    dice = random.Random(seed)
    machine = GROWN[name]()
    kept = [(machine.snapshot(), everything(machine))]
    for _ in range(60):
        for _ in range(dice.randrange(4)):
            machine.run(insns=dice.choice([1, 7, 200, 2000]))
            dice.choice([pulse, poke])(machine, dice)
        if dice.random() < 0.5:
            kept.append((machine.snapshot(), everything(machine)))
        else:
            snapshot, copy = dice.choice(kept)
            machine.restore(snapshot)
            assert everything(machine) == copy
        if len(kept) > 8:
            kept.pop(dice.randrange(len(kept)))


@pytest.mark.parametrize("name", GROWN)
def test_what_follows_a_restored_snapshot_does_not_depend_on_where_one_was_meanwhile(name):
    machine = GROWN[name]()
    machine.run(insns=2000)
    snapshot = machine.snapshot()
    machine.run(insns=5000)
    straight = everything(machine)
    dice = random.Random(1)
    for _ in range(10):
        machine.restore(snapshot)
        machine.run(insns=dice.randrange(3000))
        poke(machine, dice)
        if dice.random() < 0.5:
            machine.snapshot()
    machine.restore(snapshot)
    machine.run(insns=5000)
    assert everything(machine) == straight


def test_a_snapshot_that_nobody_refers_to_is_freed():
    """Three hundred kept ones are more than 40 MiB; an allocator that delays its frees may hold some of that."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    machine = scatter(1)
    machine.memory.write(PATCHING, b"\x90" * 5)  # each patch costs memory for a translation
    machine.run(insns=20_000)

    def many() -> None:
        for _ in range(300):
            machine.snapshot()
            machine.run(insns=300)

    many()
    before = resident()
    many()
    assert resident() - before < 16 * MIB


def test_observers_hear_the_events_of_the_history_that_goes_on():
    machine = scatter(1)
    heard: list[object] = []
    machine.trace.observe(heard.append)

    def pulses(count: int) -> None:
        for _ in range(count):
            machine.irq(5).pulse()
            machine.run(insns=50)

    pulses(2)
    trunk = machine.snapshot()
    shared = len(heard)
    pulses(3)
    branch, once = machine.snapshot(), heard[shared:]
    machine.restore(trunk)
    pulses(1)
    machine.snapshot()
    del heard[:]
    machine.restore(branch)
    machine.run(insns=0)
    assert heard == once
