"""What lies in the middle of a block is where it is in either gear: a boundary, an awaited address, a fault, a store
into the block, a look at the time. Counted by hand: an instruction counts when it begins.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from arm.opcodes import a32, a64, t32

from core.gears import FAST, PRECISE, seen
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine


class Code(NamedTuple):
    """Programs of one instruction set, what they need, and where they begin."""

    board: str
    cpu: str
    at: int
    width: int
    """Bytes of the instruction that adds 1 to the counter."""
    counter: str
    add: bytes
    stay: bytes
    undefined: bytes
    store: bytes
    """An instruction, or as much as one of `add`, to `pointer` from `value`; as long as two of `add` on x86."""
    pointer: str
    value: str


X86, RAM = 0x100000, 0x40010000
BOARD = "virt,insn_ns=16"
"""An instruction is a tick of the generic timer, which counts at 62.5 MHz."""
CODES = {
    "x86": Code("pc,pit=off", "default", X86, 1, "rbx", b"\x43", b"\xf4", b"\x0f\x0b", b"\x88\x01", "rcx", "rax"),
    "arm64": Code(BOARD, "cortex-a57", RAM, 4, "x5", a64("add x5, x5, #1"), a64("b #0"), a64("udf #0"),
                  a64("str w2, [x1]"), "x1", "x2"),
    "arm": Code(BOARD, "cortex-a15", RAM, 4, "r4", a32("add r4, r4, #1"), a32("b #0"), a32("udf #0"),
                a32("str r2, [r1]"), "r1", "r2"),
    "thumb": Code(BOARD, "cortex-a15", RAM, 2, "r4", t32("adds r4, #1"), t32("b #0"), t32("udf #0"),
                  t32("strh r2, [r1]"), "r1", "r2"),
}  # fmt: skip
READS_TIME = {
    "arm64": (a64("mrs x0, cntvct_el0"), "x0"),
    "arm": (a32("mrrc p15, #1, r0, r1, c14"), "r0"),
    "thumb": (t32("mrrc p15, #1, r2, r3, c14"), "r2"),
}
WELL_BEHIND = 40
"""Instructions of a run: more than the code has, so that its blocks count whole."""
each_set = pytest.mark.parametrize("name", CODES)


def about_to(name: str, code: bytes, gear: str = FAST, **registers: int) -> Machine:
    """A machine in front of `code` in an instruction set, where no vector leads anywhere."""
    one = CODES[name]
    machine = Machine(Config(memory=4 * MIB, board=one.board, cpu=one.cpu, gear=gear, console=None))
    machine.memory.write(one.at, code)
    if name == "x86":
        machine.cpu.enter_protected32(one.at, {"rsp": 0x170000, **registers})
        return machine
    for register, value in {**registers, "pc": one.at | (name == "thumb")}.items():
        machine.cpu[register] = value
    return machine


@each_set
@pytest.mark.parametrize("insns", range(1, 10))
def test_a_run_stops_at_each_boundary_of_a_block(name: str, insns: int) -> None:
    one = CODES[name]
    machine = about_to(name, one.add * 9 + one.stay)
    assert machine.run(insns=insns).reason == "count"
    places = [one.at + one.width * n for n in range(insns + 1)]
    assert (machine.cpu[one.counter], machine.cpu.pc, machine.instructions) == (insns, places[-1], insns)
    assert machine.cpu.recent() == places[:-1]


@each_set
def test_an_address_in_the_middle_of_a_block_is_reached(name: str) -> None:
    one = CODES[name]
    machine = about_to(name, one.add * 9 + one.stay)
    assert machine.run(until=one.at + 5 * one.width).reason == "breakpoint"
    assert (machine.cpu[one.counter], machine.instructions) == (5, 5)


@each_set
def test_a_fault_in_the_middle_counts_what_began(name: str) -> None:
    """Two additions and what is undefined. On x86 the IDT is empty, so #UD becomes a shutdown."""
    one = CODES[name]
    machine = about_to(name, one.add * 2 + one.undefined + one.add * 3 + one.stay)
    machine.run(insns=WELL_BEHIND)
    first = next(event for event in machine.trace.last(4096) if event.kind in ("delivered", "fault chain"))
    assert (first.insns, machine.cpu[one.counter]) == (3, 2)
    if name == "x86":
        assert (machine.instructions, machine.cpu.pc) == (3, one.at + 2)


@each_set
def test_a_store_into_its_own_block_is_seen_by_the_next_instruction(name: str) -> None:
    """A store, and `stay`, which it makes another addition; then the same again, for what was done once is known."""
    one = CODES[name]
    code = one.add * 2 + one.store
    target = one.at + len(code)
    machine = about_to(name, code, **{one.pointer: target, one.value: int.from_bytes(one.add, "little")})
    machine.memory.write(target, one.stay + one.add * 2 + one.stay)
    for _ in range(2):
        machine.cpu["rip" if name == "x86" else "pc"] = one.at | (name == "thumb")
        machine.memory.write(target, one.stay)
        before = machine.cpu[one.counter]
        machine.run(insns=6)
        assert machine.cpu[one.counter] - before == 5


@pytest.mark.parametrize("name", READS_TIME)
def test_time_that_is_read_in_the_middle_is_that_of_its_instruction(name: str) -> None:
    """The seventh instruction reads it, and two more come behind it."""
    one, (reads, time) = CODES[name], READS_TIME[name]
    machine = about_to(name, one.add * 6 + reads + one.add * 2 + one.stay)
    machine.run(insns=WELL_BEHIND)
    assert (machine.cpu[time], machine.cpu[one.counter]) == (7, 8)


@each_set
def test_a_limit_of_time_ends_a_block_where_it_is_over(name: str) -> None:
    one = CODES[name]
    ends = []
    for gear in (FAST, PRECISE):
        machine = about_to(name, one.add * 9 + one.stay, gear)
        machine.limit(virtual_ns=75)
        assert machine.run().reason == "limit"
        ends.append(seen(machine))
    assert ends[0] == ends[1]
    assert machine.cpu[one.counter] == (8 if name == "x86" else 5), "of 10 and of 16 ns each"
