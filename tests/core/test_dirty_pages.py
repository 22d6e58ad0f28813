"""A store is told when its page was clean before, and always where code lies (SDM vol. 3A 8.1.3; DDI0487 B2.4.4).

Most stores are not told: who hears only of the first to a page must hear of that one, by whatever address and at
whatever level it comes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from arm.arm_bench import CODE, DAIF, DATA, EL1H, EL2H, PAGE_EL1, RAM, TABLES, VECTORS, Arm32Bench, Arm64Bench, ArmBench
from arm.opcodes import a32, a64

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

MAIN, ROUTINES, ALIAS, STACK = 0x1000, 0x3000, 0x40000, 0x8000
FIRST, SECOND = 0, 0x100
"""Where two routines lie in their page; each is MOV EAX, operand; RET."""


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def call(at: int, target: int) -> bytes:
    return b"\xe8" + ((target - at - 5) & 0xFFFFFFFF).to_bytes(4, "little")


class Program:
    """Calls and stores of 32-bit code, one behind the other."""

    def __init__(self) -> None:
        self.code = b""

    def call(self, routine: int) -> Program:
        self.code += call(MAIN + len(self.code), ROUTINES + routine)
        return self

    def store(self, address: int, value: int) -> Program:
        self.code += b"\xc7\x05" + word(address) + word(value)  # mov dword [address], value
        return self

    def keep(self) -> Program:
        self.code += bytes.fromhex("01c3")  # add ebx, eax
        return self


def pc_with(code: bytes, paged: bool) -> Machine:
    machine = Machine(Config(memory=MIB, board="pc,pit=off"))
    machine.memory.write(MAIN, code + b"\xf4")
    for routine in (FIRST, SECOND):
        machine.memory.write(ROUTINES + routine, bytes.fromhex("b801000000 c3"))
    directory, table = 0x10000, 0x11000
    entries = [n << 12 | 3 for n in range(256)]
    entries[ALIAS >> 12] = ROUTINES | 3
    machine.memory.write(directory, word(table | 3))
    machine.memory.write(table, b"".join(map(word, entries)))
    machine.cpu.enter_protected32(MAIN, {"rsp": STACK})
    if paged:
        machine.cpu["cr3"] = directory
        machine.cpu["cr0"] = machine.cpu["cr0"] | 1 << 31
    return machine


@pytest.mark.parametrize(("paged", "page"), [(False, ROUTINES), (True, ROUTINES), (True, ALIAS)])
def test_each_store_beside_code_is_seen(paged: bool, page: int) -> None:
    """The first store changes one routine of the page, the second another, which is still translated then."""
    program = Program().call(FIRST).call(SECOND)
    program.store(page + FIRST + 1, 0x20).store(page + SECOND + 1, 0x300)
    machine = pc_with(program.call(FIRST).keep().call(SECOND).keep().code, paged)
    machine.run(insns=100)
    assert machine.cpu["rbx"] == 0x320


@pytest.mark.parametrize(("paged", "page"), [(False, ROUTINES), (True, ROUTINES), (True, ALIAS)])
def test_a_page_of_data_that_becomes_code_is_watched_from_then_on(paged: bool, page: int) -> None:
    program = Program().store(page + 0x800, 1).store(page + 0x804, 2)  # the second is told to nobody
    program.call(FIRST).keep().store(page + FIRST + 1, 0x20)
    machine = pc_with(program.call(FIRST).keep().code, paged)
    machine.run(insns=100)
    assert machine.cpu["rbx"] == 0x21


@pytest.mark.parametrize(("paged", "page"), [(False, ROUTINES), (True, ROUTINES), (True, ALIAS)])
def test_code_comes_and_goes_and_comes_again(paged: bool, page: int) -> None:
    program = Program()
    for value in range(1, 6):
        program.store(page + FIRST + 1, value).store(page + FIRST + 1, 0x10 * value).call(FIRST).keep()
    machine = pc_with(program.code, paged)
    machine.run(insns=100)
    assert machine.cpu["rbx"] == 0x10 * (1 + 2 + 3 + 4 + 5)


def test_the_last_of_several_stores_of_a_turn_reaches_another_vcpus_code() -> None:
    """vCPU 0 writes 0 and then a number into vCPU 1's code, and waits until vCPU 1 has got that number there."""
    seen, reader, rounds = 0x5000, 0x2000, 20
    # reader: call routine; mov [seen], eax; jmp reader
    read = call(reader, ROUTINES) + b"\xa3" + word(seen) + bytes.fromhex("ebf4")
    # mov ecx, rounds; again: mov dword [operand], 0; mov [operand], ecx
    # wait: cmp [seen], ecx; jne wait; dec ecx; jnz again; hlt
    operand = word(ROUTINES + 1)
    write = b"\xb9" + word(rounds) + b"\xc7\x05" + operand + word(0) + b"\x89\x0d" + operand
    write += b"\x39\x0d" + word(seen) + bytes.fromhex("75f8 49 75e5 f4")
    machine = Machine(Config(smp=2, memory=MIB, board="pc,pit=off,quantum=50"))
    for address, code in {MAIN: write, reader: read, ROUTINES: bytes.fromhex("b800000000 c3")}.items():
        machine.memory.write(address, code)
    for cpu, entry, stack in zip(machine.cpus, (MAIN, reader), (STACK, STACK + 0x1000), strict=True):
        cpu.enter_protected32(entry, {"rsp": stack})
        cpu._native.off = 0
    machine.limit(insns=100_000)
    machine.run()
    assert machine.cpus[0]["rcx"] == 0


# ---- ARM: the same without an MMU, where each page may be executed ----

HCR_RW = 1 << 31


def assert_arm_stores_beside_code_are_seen(bench: ArmBench, first: str, second: str) -> None:
    """Two routines at DATA and DATA + 100h were called, then changed one behind the other, then called again."""
    bench.step(60)
    assert (bench.cpu[first], bench.cpu[second]) == (0x20, 0x30)


def test_each_store_beside_a64_code_is_seen() -> None:
    sync = ("dsb sy", "ic iallu", "dsb sy", "isb")
    code = a64(
        "blr x1", "blr x2", "str w3, [x1]", "str w4, [x2]", *sync, "blr x1", "mov x5, x0", "blr x2", "mov x6, x0"
    )
    new = [int.from_bytes(a64(f"mov x0, #{value:#x}"), "little") for value in (0x20, 0x30)]
    bench = Arm64Bench(code, x1=DATA, x2=DATA + 0x100, x3=new[0], x4=new[1])
    for routine in (DATA, DATA + 0x100):
        bench.memory.write(routine, a64("mov x0, #1", "ret"))
    assert_arm_stores_beside_code_are_seen(bench, "x5", "x6")


def test_each_store_beside_a32_code_is_seen() -> None:
    sync = ("dsb sy", "mcr p15, #0, r8, c7, c5, #0", "dsb sy", "isb sy")
    code = a32(
        "blx r1", "blx r2", "str r3, [r1]", "str r4, [r2]", *sync, "blx r1", "mov r5, r0", "blx r2", "mov r6, r0"
    )
    new = [int.from_bytes(a32(f"mov r0, #{value:#x}"), "little") for value in (0x20, 0x30)]
    bench = Arm32Bench(code, r1=DATA, r2=DATA + 0x100, r3=new[0], r4=new[1])
    for routine in (DATA, DATA + 0x100):
        bench.memory.write(routine, a32("mov r0, #1", "bx lr"))
    assert_arm_stores_beside_code_are_seen(bench, "r5", "r6")


# ---- snapshots: what was written since is put back, whichever store it was ----


def x86_stores() -> tuple[Machine, int]:
    stores = Program().store(0x6000, 1).store(0x6000, 2).store(0x6004, 3).store(0x6000, 4)
    return pc_with(stores.code, False), 0x6000


def a64_stores() -> tuple[Machine, int]:
    bench = Arm64Bench(
        a64("str w2, [x1]", "str w3, [x1]", "str w4, [x1, #4]", "str w5, [x1]"), x1=DATA, x2=1, x3=2, x4=3, x5=4
    )
    return bench.machine, DATA


def a32_stores() -> tuple[Machine, int]:
    bench = Arm32Bench(
        a32("str r2, [r1]", "str r3, [r1]", "str r4, [r1, #4]", "str r5, [r1]"), r1=DATA, r2=1, r3=2, r4=3, r5=4
    )
    return bench.machine, DATA


@pytest.mark.parametrize("stores", [x86_stores, a64_stores, a32_stores])
def test_a_snapshot_hears_of_the_next_store_to_each_page(stores: Callable[[], tuple[Machine, int]]) -> None:
    machine, address = stores()
    expected = [(0, 0), (1, 0), (2, 0), (2, 3), (4, 3)]
    snapshots = []
    for step in range(5):
        snapshots.append(machine.snapshot())
        if step < 4:
            machine.run(insns=1)
    for step in (1, 3, 0, 4, 2):
        machine.restore(snapshots[step])
        assert machine.memory.read(address, 8) == word(expected[step][0]) + word(expected[step][1])
        machine.run(insns=4 - step)
        assert machine.memory.read(address, 8) == word(4) + word(3)


def test_a_store_at_one_level_hides_none_at_another_that_maps_the_address_elsewhere() -> None:
    """EL2 is not translated; EL1 maps the same address to another page, and stores there first (DDI0487 D5.1)."""
    other = DATA + 0x10000
    down = a64("ldr x0, [x1]", "msr elr_el2, x2", "msr spsr_el2, x3", "eret")
    bench = Arm64Bench(down + a64("str x4, [x1]", "hvc #0"), EL2H, board=",virtualization=on",
                       x1=DATA, x2=CODE + len(down), x3=EL1H | DAIF, x4=77, hcr_el2=HCR_RW)  # fmt: skip
    bench.memory.write(VECTORS[2] + 0x400, a64("str x4, [x1]", "b #0"))
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.write(TABLES + 0x1000 + 8 * ((DATA - RAM) >> 12), other | PAGE_EL1, size=8)
    before = bench.machine.snapshot()
    bench.step(8)
    assert (bench.memory.read(other, 8), bench.memory.read(DATA, 8)) == ((77).to_bytes(8, "little"),) * 2
    bench.machine.restore(before)
    assert (bench.memory.read(other, 8), bench.memory.read(DATA, 8)) == (bytes(8), bytes(8))
