"""Flash at physical address 0, where vectors are at reset: loaded, read, executed, and programmed by commands.

The commands' own rules are in tests/devices/test_pflash.py; here they come from guests, whose reads are the memory's at
one moment and the device's at the next.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from core.visible_state import everything, vcpu

import vmm
from arm.arm_bench import CODE, DATA, PAGE_EL1, RAM, ROOT, Arm32Bench, Arm64Bench
from arm.opcodes import a32, a64, t32
from vmm.arch.arm.power import Power

BANK_1 = 0x4000000
STATUS, ARRAY, PROGRAM, ERASE, CONFIRM, BUFFERED = 0x700070, 0xFF00FF, 0x400040, 0x200020, 0xD000D0, 0xE800E8
READY = 0x800080
Z = 1 << 30
UNDEFINED = 0
"""Its exception class."""
FIRST_GIB = 1 << 10 | 1
"""A block descriptor of level 1 (DDI0487 D5.3.1) that maps it to itself, with the access flag."""
ERASED = 0xFFFFFFFF


def as_normal_memory(bench: Arm64Bench) -> None:
    """What is not aligned needs it: without an MMU all memory is Device (DDI0487 B2.5.2)."""
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.write(ROOT, FIRST_GIB, size=8)


def as_normal_memory32(bench: Arm32Bench) -> None:
    """Both banks and RAM by sections, write-back (DDI0406 B3.5.1); without an MMU memory is Strongly-ordered."""
    bench.memory.write(ROOT, bytes(0x4000))
    for at in (0, BANK_1, *(RAM + (n << 20) for n in range(4))):
        bench.write(ROOT + (at >> 18), at | 3 << 10 | 3 << 2 | 2)
    bench.system(2, 0, 0, 0, ROOT)
    bench.registers(dacr=1, ttbcr=0)
    bench.cpu["sctlr"] |= 1


def flash(bench: Arm64Bench | Arm32Bench, at: int) -> int:
    return int.from_bytes(bench.memory.read(at, 4), "little")


def test_vectors_may_lie_in_flash_where_vbar_points_at_reset() -> None:
    bench = Arm64Bench(a64("svc #0"), 5, vbar_el1=0)
    bench.memory.write(0x200, a64("b #0"))
    bench.step(2)
    assert (bench.cpu.pc, bench.cpu["elr_el1"]) == (0x200, CODE + 4)


def test_a_store_is_a_command_and_changes_nothing_by_itself() -> None:
    bench = Arm64Bench(a64("ldr x0, [x1]", "str x0, [x2]"), 5, x1=0x1000, x2=0x1008)
    bench.memory.write(0x1000, (0x1122334455667788).to_bytes(8, "little"))
    bench.step(2)
    assert bench.cpu["x0"] == 0x1122334455667788
    assert bench.memory.read(0x1008, 8) == b"\xff" * 8
    assert (bench.numbers, bench.machine.trace.guest_errors) == ([], 0)


@pytest.mark.parametrize("paging", [False, True])
@pytest.mark.parametrize("at", [0x1100, BANK_1, BANK_1 + 0x3FFFFFC])
def test_a_guest_programs_a_word(at: int, paging: bool) -> None:
    """What it reads is status from the first store to the last, and memory again in the very next instruction."""
    code = a64("str w0, [x1]", "str w2, [x1]", "ldr w4, [x1]", "mov x9, #1", "str w2, [x1]", "ldr w5, [x1]")
    bench = Arm64Bench(code, 5, x0=PROGRAM, x1=at, x2=0x12345678, x4=1, x5=1)
    if paging:
        as_normal_memory(bench)
    bench.step(3)
    assert (bench.cpu["x4"], flash(bench, at)) == (READY, 0x12345678)
    bench.cpu["x2"] = ARRAY
    bench.step(3)
    assert bench.cpu["x5"] == 0x12345678
    assert bench.numbers == []


def test_a_guest_of_armv7_programs_a_word() -> None:
    code = a32("str r0, [r1]", "ldr r4, [r1]", "str r2, [r1]", "ldr r4, [r1]", "str r2, [r1]", "ldr r5, [r1]")
    bench = Arm32Bench(code, "svc", 0, r0=PROGRAM, r1=BANK_1 + 0x100, r2=0x12345678)
    bench.step(4)
    assert (bench.cpu["r4"], flash(bench, BANK_1 + 0x100)) == (READY, 0x12345678)
    bench.cpu["r2"] = ARRAY
    bench.step(2)
    assert (bench.cpu["r5"], bench.numbers) == (0x12345678, [])


def test_the_banks_are_two_devices() -> None:
    bench = Arm64Bench(a64("str w0, [x1]", "ldr w4, [x1]", "ldr w0, [x2]"), 5, x0=STATUS, x1=BANK_1, x2=0x100)
    bench.memory.write(0x100, b"\x11\x22\x33\x44")
    bench.step(3)
    assert (bench.cpu["x4"], bench.cpu["x0"]) == (READY, 0x44332211)


@pytest.mark.parametrize(
    ("code", "cycles"),
    [
        ("str x0, [x1, #1]!", [(0x101 + n, 1, byte) for n, byte in enumerate(bytes.fromhex("8877665544332211"))]),
        ("stp x0, x2, [x1]", [(0x100, 4, 0x55667788), (0x104, 4, 0x11223344), (0x108, 4, 0x99), (0x10C, 4, 0)]),
        ("stxr w3, x0, [x1]", []),
    ],
)
@pytest.mark.parametrize("first", [ARRAY, STATUS])
def test_each_store_comes_once_whether_memory_or_device_is_read(code: str, first: int, cycles: list[object]) -> None:
    """As cycles of the bus: one that is not aligned byte by byte; an exclusive one, to no memory, not at all."""
    bench = Arm64Bench(a64("str w5, [x1]", code), 5, x0=0x1122334455667788, x1=0x100, x2=0x99, x5=first)
    as_normal_memory(bench)
    told: list[object] = []
    device = bench.machine._board.devices["flash0"]
    device.mmio_write(0x100, 4, first)
    device._next = lambda *cycle: told.append(cycle)
    bench.step(2)
    assert told == [(0x100, 4, first), *cycles]
    assert flash(bench, 0x100) == ERASED


@pytest.mark.parametrize("at", [0x100, BANK_1])
@pytest.mark.parametrize("steps", [(9,), (1,) * 9, (2, 7)])
def test_a_store_within_an_it_block_leaves_the_block_behind_it(at: int, steps: tuple[int, ...]) -> None:
    """DDI0406 A2.5.2: the third of ITTE EQ is skipped; nothing behind the branch is conditional."""
    block = t32("itte eq", "str r2, [r1]", "movs r3, #1", "movs r4, #1")
    code = block + t32("b #2", "movs r5, #1", "movs r6, #1", "movs r7, #1", "b #0")
    bench = Arm32Bench(code, "svc", Z, thumb=True, r1=at, r2=STATUS, r3=0, r4=0, r5=0, r6=0, r7=0)
    as_normal_memory32(bench)
    for count in steps:
        bench.step(count)
    assert [bench.cpu[f"r{n}"] for n in range(3, 8)] == [1, 0, 1, 1, 1]
    assert (bench.cpu.pc, bench.cpu.it_state, bench.numbers) == (CODE + 16, 0, [])


def test_a_load_across_pages_asks_the_device() -> None:
    bench = Arm64Bench(a64("str w2, [x1]", "ldr x0, [x3]"), 5, x1=0x2000, x2=STATUS, x3=0x1FFE)
    as_normal_memory(bench)
    bench.step(2)
    assert bench.cpu["x0"] == 0x0080008000800080


def test_code_cannot_run_in_a_bank_that_answers_for_itself_as_on_hardware() -> None:
    """It fetches status, 00800080h, which is undefined, and goes on in its vector in RAM."""
    bench = Arm64Bench(a64("nop"), 5)
    bench.memory.write(0x1000, a64("str w2, [x1]", "nop"))
    bench.memory.write(0x1008, a64("nop", "b #0"))
    bench.cpu["pc"], bench.cpu["x1"], bench.cpu["x2"] = 0x1000, 0x100, STATUS
    before = bench.machine.snapshot()
    for steps in ((4,), (1, 3), (1, 1, 1, 1)):
        bench.machine.restore(before)
        for count in steps:
            bench.step(count)
        assert bench.numbers == [UNDEFINED]
        assert bench.cpu["elr_el1"] == 0x1004


def test_code_in_the_other_bank_may_and_code_that_was_programmed_is_what_runs() -> None:
    """In bank 0: it runs the loop at BANK_1, erases it, programs another and runs that."""
    bench = Arm64Bench(a64("nop"), 5)
    bench.memory.write(BANK_1, a64("mov x9, #1", "b #0"))
    bench.cpu["pc"] = BANK_1
    bench.step(2)
    assert (bench.cpu["x9"], bench.cpu.pc) == (1, BANK_1 + 4)
    bench.memory.write(0x1000, a64("str w0, [x1]", "str w2, [x1]", "b #0"))
    other = int.from_bytes(a64("mov x1, #1"), "little")
    for pair in ((ERASE, CONFIRM), (PROGRAM, other), (ARRAY, ARRAY)):
        bench.cpu["pc"], bench.cpu["x1"] = 0x1000, BANK_1
        bench.cpu["x0"], bench.cpu["x2"] = pair
        bench.step(2)
    bench.cpu["pc"], bench.cpu["x9"] = BANK_1, 0
    bench.step()
    assert (bench.cpu["x1"], bench.cpu["x9"]) == (1, 0)


def test_all_vcpus_see_the_same() -> None:
    """The second has read memory there before; then the first gives a command."""
    machine = vmm.Machine(vmm.Config(board="virt,quantum=10", smp=2))
    spin = a64("b #0")
    machine.memory.write(CODE, spin + a64("str w2, [x1]") + spin)
    machine.memory.write(CODE + 0x100, spin + a64("ldr w4, [x1]") + spin + a64("ldr w5, [x1]") + spin)
    first, second = machine.cpus
    first["pc"] = CODE
    Power(machine._native).start(1, CODE + 0x100, 0)
    for cpu, pc in ((first, CODE), (second, CODE + 0x104), (first, CODE + 4), (second, CODE + 0x10C)):
        machine.run(insns=40)
        cpu["x1"], cpu["x2"], cpu["pc"] = BANK_1, STATUS, pc
    machine.run(insns=40)
    assert (second["x4"], second["x5"]) == (ERASED, READY)


def snapshot_state(bench: Arm64Bench) -> tuple[object, ...]:
    return everything(bench.machine), bench.memory.read(BANK_1, 0x80000), bench.machine.board.devices["flash1"].mode


def test_a_snapshot_has_contents_and_mode() -> None:
    """Taken between a command and its data: the data is the command's still, and reads are the device's."""
    code = a64("str w0, [x1]", "str w2, [x1]", "ldr w4, [x1]", "str w0, [x1]", "str w2, [x1]", "ldr w5, [x1]", "b #0")
    bench = Arm64Bench(code, 5, x0=PROGRAM, x1=BANK_1, x2=0x12345678)
    bench.memory.write(BANK_1 + 4, b"\x99")
    empty = bench.machine.snapshot()
    bench.step()
    half_way = bench.machine.snapshot()
    bench.step(4)
    after = snapshot_state(bench)
    assert flash(bench, BANK_1) == 0x12345678
    bench.machine.restore(empty)
    assert (flash(bench, BANK_1), flash(bench, BANK_1 + 4)) == (ERASED, 0xFFFFFF99)
    bench.memory.write(BANK_1 + 0x1000, b"gone")
    bench.machine.restore(half_way)
    assert (flash(bench, BANK_1), flash(bench, BANK_1 + 0x1000)) == (ERASED, ERASED)
    bench.step(2)
    assert (bench.cpu["x4"], flash(bench, BANK_1)) == (READY, 0x12345678)
    bench.step(2)
    assert snapshot_state(bench) == after
    bench.machine.restore(empty)
    bench.cpu["pc"] = CODE + 8
    bench.step()
    assert bench.cpu["x4"] == ERASED


def test_code_in_flash_follows_a_restore() -> None:
    bench = Arm64Bench(a64("nop"), 5)
    bench.memory.write(0x1000, a64("mov x9, #1"))
    bench.cpu["pc"] = 0x1000
    before = bench.machine.snapshot()
    bench.memory.write(0x1000, a64("mov x1, #1"))
    bench.step()
    assert (bench.cpu["x1"], bench.cpu["x9"]) == (1, 0)
    bench.machine.restore(before)
    bench.step()
    assert bench.cpu["x9"] == 1


COMMANDS = (STATUS, ARRAY, PROGRAM, PROGRAM, PROGRAM, ERASE, CONFIRM, BUFFERED, 0x900090, 0x980098, 0x500050, 0x10001)
NEXT = a64("ldr x1, [x0], #8", "ldr x2, [x0], #8", "str w2, [x1]", "ldr w4, [x1]", "eor x5, x4, x5, ror #7", "br x7")
"""Stores the next value of a table at the next address, reads there, and keeps a digest of what it has read."""
STORES = 150


def random_stores(seed: int, code: int) -> Arm64Bench:
    """A guest that gives its flash random commands; from bank 0 itself it gives them to the other one alone."""
    chance = random.Random(seed)
    bench = Arm64Bench(a64("nop"), 5)
    bench.memory.write(code, NEXT)
    for n in range(STORES):
        bank = BANK_1 if code < BANK_1 else chance.choice((0, BANK_1))
        address = bank + chance.choice((0x100, 0x3FFFC, 0x40000, 4 * chance.randrange(64)))
        value = chance.choice((chance.choice(COMMANDS), chance.choice(COMMANDS), chance.getrandbits(32)))
        bench.write(DATA + 16 * n, address, value, size=8)
    bench.cpu["pc"], bench.cpu["x7"], bench.cpu["x0"], bench.cpu["x5"] = code, code, DATA, 0
    return bench


def contents(bench: Arm64Bench) -> bytes:
    return bench.memory.read(0, 0x81000) + bench.memory.read(BANK_1, 0x81000)


@pytest.mark.parametrize("code", [CODE, 0x80000])
@pytest.mark.parametrize("seed", range(6, 12))
def test_random_commands_come_to_the_same_however_the_run_is_cut(seed: int, code: int) -> None:
    """Whole; in slices; in slices, each of which was run twice, with something else in between."""
    insns = len(NEXT) // 4 * STORES
    results = []
    for cut in ("whole", "sliced", "restored"):
        bench, chance = random_stores(seed, code), random.Random(seed)
        erased, done = contents(bench), 0
        while done < insns:
            size = insns if cut == "whole" else min(chance.randrange(1, 12), insns - done)
            before = bench.machine.snapshot() if cut == "restored" else None
            bench.step(size)
            if before:
                bench.memory.write(BANK_1 + 0x3F000, b"elsewhere")
                bench.machine.restore(before)
                bench.step(size)
            done += size
        results.append((everything(bench.machine), contents(bench)))
    assert results[0] == results[1] == results[2]
    assert results[0][1] != erased


def test_a_recorded_run_programs_flash_again(tmp_path: Path) -> None:
    """From the image that lies in its other bank, and from what a script wrote there."""
    image = tmp_path / "firmware.bin"
    image.write_bytes(a64("str w0, [x1]", "str w2, [x1]", "ldr w4, [x1]", "b #0"))
    machine = vmm.Machine(vmm.Config(board="virt"))
    machine.load(image, load_address=0)
    with machine.recording(tmp_path / "run.vmmrec"):
        machine.memory.write(BANK_1 + 4, b"\x11\x22\x33\x44")
        machine.cpu["x0"], machine.cpu["x1"], machine.cpu["x2"] = PROGRAM, BANK_1, 0x12345678
        machine.run(insns=10)
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    assert replay.machine.memory.read(BANK_1, 8) == machine.memory.read(BANK_1, 8) == bytes.fromhex("7856341211223344")
    assert vcpu(replay.machine.cpu) == vcpu(machine.cpu)


def test_armv7_code_runs_in_flash() -> None:
    bench = Arm32Bench(a32("nop"), "svc", 0)
    bench.memory.write(0x4000, a32("nop", "b #0"))
    bench.cpu["pc"] = 0x4000
    bench.step(2)
    assert (bench.cpu.pc, bench.numbers) == (0x4004, [])


@pytest.mark.parametrize("gear", ["fast", "precise"])
def test_what_is_executed_of_a_bank_that_answers_is_what_it_says_now(gear: str) -> None:
    """Status 00800080h is ADDEQ r0, r0, r0, LSL #1; an erase that is not confirmed makes it 00B000B0h, which is LDRHTEQ
    r0, [r0], r0 (DDI0406 A8.8.7, A8.8.84).
    """
    bench = Arm32Bench(a32("str r2, [r1]"), "svc", 0, gear=gear, r1=0x100)
    bench.memory.write(DATA, b"\x34\x12")
    found = []
    for commands in ((STATUS,), (ERASE, ARRAY)):
        for command in commands:
            bench.registers(r2=command, pc=CODE)
            bench.step()
        bench.registers(r0=DATA, cpsr=bench.cpu["cpsr"] | Z, pc=0x4000)
        bench.step()
        found.append(bench.cpu["r0"])
    assert (found, bench.numbers) == ([3 * DATA & 0xFFFFFFFF, 0x1234], [])
