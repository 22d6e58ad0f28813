"""A store into the code that executes it: done once, and followed at the next instruction, however a run is cut.

SDM vol. 3A 8.1.3 wants a jump before the new code, which every processor since the P6 does without; DDI0487 B2.4.4
wants an ISB, and allows the new code without. Unicorn alone, which translates block by block, lets stops decide.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vmm import NextBoundary
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, RAM, STACK = 0x7C00, 0x4000_0000, 0x7000
Advance = Callable[[Machine, int], None]


def in_one_piece(machine: Machine, insns: int) -> None:
    machine.run(insns=insns)


def in_steps(machine: Machine, insns: int) -> None:
    for _ in range(insns):
        machine.run(insns=1)


def in_threes(machine: Machine, insns: int) -> None:
    while machine.instructions < insns:
        machine.run(insns=min(3, insns - machine.instructions))


def watched(machine: Machine, insns: int) -> None:
    async def watch(m: Machine) -> None:
        while True:
            await NextBoundary()

    machine.start(watch)
    machine.run(insns=insns)


ways = pytest.mark.parametrize("advance", [in_one_piece, in_steps, in_threes, watched])


def x86(code: str, **registers: int) -> Machine:
    """Flat 32-bit code at CODE."""
    machine = Machine(Config(memory=MIB, board="pc,pit=off"))
    machine.memory.write(CODE, bytes.fromhex(code))
    machine.cpu.enter_protected32(CODE, {"rsp": STACK, **{f"r{name}": value for name, value in registers.items()}})
    return machine


@ways
def test_an_instruction_just_ahead_is_the_new_one(advance: Advance) -> None:
    """mov byte [ebx+5], 90h; then INC EAX, which it makes a NOP; inc eax; inc eax; jmp $ — 40h is INC EAX."""
    machine = x86("c6430590 90 40 40 40 ebfe", ax=0, bx=CODE)
    advance(machine, 20)
    assert (machine.cpu["eax"], machine.cpu.pc, machine.instructions) == (2, CODE + 8, 20)


@ways
def test_a_push_onto_its_own_block_is_done_once(advance: Advance) -> None:
    """push 90909090h with ESP behind the block's INC EAX, three bytes and one more that it turns into NOPs."""
    machine = x86("6890909090 40 40 40 40 40 ebfe", ax=0, sp=CODE + 9)
    advance(machine, 12)
    assert (machine.cpu["eax"], machine.cpu["esp"], machine.cpu.pc) == (1, CODE + 5, CODE + 10)


@ways
def test_flags_of_the_instruction_before_are_kept(advance: Advance) -> None:
    """add al, 1 with AL = FFh: CF, PF, AF and ZF; mov [ebx+9], 90h does not change them; pushfd sees them."""
    machine = x86("0401 c6430990 90 90 90 40 9c ebfe", ax=0xFF, bx=CODE)
    advance(machine, 9)
    assert machine.u32(STACK - 4) == 0x57
    assert machine.cpu["eax"] == 0


@ways
def test_a_device_is_read_once_where_what_it_gave_goes_into_the_block(advance: Advance) -> None:
    """INSB from a device that counts: 90h, a NOP, over INC EAX."""
    reads = []

    class Counter:
        port_width = 1

        def port_read(self, port: int, size: int) -> int:
            reads.append(port)
            return 0x90

        def port_write(self, port: int, size: int, value: int) -> None: ...

    machine = x86("6c 40 40 ebfe", ax=0, dx=0x5000, di=CODE + 1)
    machine.attach(Counter(), ports=(0x5000, 1))
    advance(machine, 6)
    assert (machine.cpu["eax"], reads) == (1, [0x5000])


@ways
def test_a_repeated_store_over_its_own_instruction_goes_on_with_the_new_one(advance: Advance) -> None:
    """rep stosb from a byte before itself: the second iteration's byte is 90h over F3h, and there is no third.

    nop; nop; rep stosb at +2; AL = 90h: F3 AA becomes 90 AA, a NOP and a STOSB, which writes over AAh behind it.
    """
    machine = x86("90 90 f3aa 90 ebfe", ax=0x90, cx=5, di=CODE + 1)
    advance(machine, 10)
    assert machine.memory.read(CODE, 7) == bytes.fromhex("90 90 90 90 90 ebfe")
    assert (machine.cpu["ecx"], machine.cpu["edi"], machine.cpu.pc) == (3, CODE + 4, CODE + 5)


@pytest.mark.parametrize("quantum", [1, 2, 3, 1000])
def test_a_turn_may_end_before_it(quantum: int) -> None:
    """The other vCPU jumps to itself; mov byte [ebx], 90h makes CLI, just ahead, a NOP."""
    machine = Machine(Config(memory=MIB, smp=2, board=f"pc,pit=off,quantum={quantum}"))
    machine.memory.write(CODE, bytes.fromhex("c60390 fa 40 ebfe"))
    machine.memory.write(CODE + 0x1000, bytes.fromhex("ebfe"))
    for cpu, entry in zip(machine.cpus, (CODE, CODE + 0x1000), strict=True):
        cpu.enter_protected32(entry, {"rbx": CODE + 3, "rflags": 1 << 9 | 2})
        cpu._native.off = 0
    machine.run(insns=4000)
    assert machine.cpus[0]["eflags"] >> 9 & 1
    assert (machine.cpus[0]["eax"], machine.cpus[0].pc) == (1, CODE + 5)


A64_NOP, A32_NOP = 0xD503201F, 0xE320F000


@ways
@pytest.mark.parametrize(
    ("cpu", "nop", "code", "names"),
    [
        # str w1, [x2]; add x0, x0, #1 (patched); add x0, x0, #1; b .
        ("cortex-a57", A64_NOP, (0xB9000041, 0x91000400, 0x91000400, 0x14000000), ("x0", "x1", "x2")),
        # str r1, [r2]; add r0, r0, #1 (patched); add r0, r0, #1; b .
        ("cortex-a15", A32_NOP, (0xE5821000, 0xE2800001, 0xE2800001, 0xEAFFFFFE), ("r0", "r1", "r2")),
    ],
)
def test_arm_code_just_ahead_is_the_new_one(
    advance: Advance, cpu: str, nop: int, code: tuple[int, ...], names: tuple[str, ...]
) -> None:
    machine = Machine(Config(memory=MIB, board="virt", cpu=cpu))
    machine.memory.write(RAM, b"".join(word.to_bytes(4, "little") for word in code))
    for name, value in zip((*names, "pc"), (0, nop, RAM + 4, RAM), strict=True):
        machine.cpu[name] = value
    advance(machine, 8)
    assert (machine.cpu[names[0]], machine.cpu.pc, machine.instructions) == (1, RAM + 12, 8)
