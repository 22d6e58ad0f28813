"""Translations follow the tables they came from, and a look leaves no trace in them.

SDM vol. 3A 4.10.2 and DDI0487 D5.9 allow a processor to forget a translation at any time; a vCPU does so at the next
instruction after its entry was written, so that a stop or a snapshot, which forget as well, are not felt.
"""

from __future__ import annotations

import pytest
from x86.x86_bench import KERNEL_CODE, PAGES, STACK, X86Bench

from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

DIRECTORY, TABLE, FIRST, SECOND, CODE, SEEN = 0x10000, 0x11000, 0x20000, 0x21000, 0x7C00, 0x8000
MAPPED = 0x400000
PRESENT_WRITABLE, ACCESSED, PAGE_4M = 3, 1 << 5, 1 << 7
PSE, PAGING = 1 << 4, 1 << 31


def word(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def x86(smp: int = 1, quantum: int = 1000) -> Machine:
    """32-bit paging: the first 4 MiB as they are, and at MAPPED one page, FIRST to begin with."""
    machine = Machine(Config(memory=MIB, smp=smp, board=f"pc,pit=off,quantum={quantum}"))
    machine.memory.write(DIRECTORY, word(PAGE_4M | PRESENT_WRITABLE) + word(TABLE | PRESENT_WRITABLE))
    machine.memory.write(TABLE, word(FIRST | PRESENT_WRITABLE))
    machine.memory.write(FIRST, word(0x1111))
    machine.memory.write(SECOND, word(0x2222))
    for cpu in machine.cpus:
        cpu.enter_protected32(CODE, {})
        cpu["cr4"], cpu["cr3"] = PSE, DIRECTORY
        cpu["cr0"] = cpu["cr0"] | PAGING
        cpu._native.off = 0
    return machine


# mov eax, [MAPPED]; mov dword [TABLE], SECOND | 3; mov ebx, [MAPPED]; jmp $
REMAPS = bytes.fromhex("a1 00004000 c705 00100100 03100200 8b1d 00004000 ebfe")


def in_steps(machine: Machine) -> None:
    for _ in range(4):
        machine.run(insns=1)


def in_one_piece(machine: Machine) -> None:
    machine.run(insns=4)


def with_snapshots(machine: Machine) -> None:
    for _ in range(4):
        machine.run(insns=1)
        machine.restore(machine.snapshot())


ways = pytest.mark.parametrize("run", [in_one_piece, in_steps, with_snapshots])


@ways
def test_a_vcpu_follows_an_entry_that_it_has_changed(run) -> None:
    machine = x86()
    machine.memory.write(CODE, REMAPS)
    run(machine)
    assert (machine.cpu["eax"], machine.cpu["ebx"], machine.instructions) == (0x1111, 0x2222, 4)


@ways
def test_an_entry_comes_and_goes_where_the_code_is(run) -> None:
    """The code that executes is remapped: MAPPED has INC EAX behind the store first, a NOP and INC EBX then."""
    machine = x86()
    # mov dword [TABLE], SECOND | 3 (10 bytes); inc eax / nop, and at the end jmp $
    store = bytes.fromhex("c705 00100100 03100200")
    machine.memory.write(FIRST, store + bytes.fromhex("40 40 ebfe"))
    machine.memory.write(SECOND, store + bytes.fromhex("90 43 ebfe"))
    for name, value in (("eax", 0), ("ebx", 0), ("eip", MAPPED)):
        machine.cpu[name] = value
    run(machine)
    assert (machine.cpu["eax"], machine.cpu["ebx"]) == (0, 1)


@pytest.mark.parametrize("quantum", [1, 50])
def test_another_vcpu_follows_it_at_its_next_turn(quantum: int) -> None:
    """vCPU 1 reads MAPPED again and again: mov ebx, [MAPPED]; jmp back."""
    machine = x86(smp=2, quantum=quantum)
    machine.memory.write(CODE, REMAPS)
    machine.memory.write(CODE + 0x100, bytes.fromhex("8b1d 00004000 ebf8"))
    machine.cpus[1]["eip"] = CODE + 0x100
    machine.run(insns=400)
    assert machine.cpus[1]["ebx"] == 0x2222


def test_a_script_that_writes_an_entry_is_followed() -> None:
    machine = x86()
    machine.memory.write(CODE, bytes.fromhex("8b1d 00004000 ebf8"))
    machine.run(insns=4)
    assert machine.cpu["ebx"] == 0x1111
    machine.memory.write(TABLE, word(SECOND | PRESENT_WRITABLE))
    machine.run(insns=4)
    assert machine.cpu["ebx"] == 0x2222


def test_a_look_sets_no_accessed_bit() -> None:
    """SDM vol. 3A 4.8: the processor sets it where it uses an entry; nobody has."""
    machine = x86()
    assert machine.cpu.read(MAPPED, 4) == word(0x1111)
    machine.write(MAPPED, word(0x3333))
    assert machine.u32(MAPPED) == 0x3333
    assert machine.memory.read(TABLE, 4) == word(FIRST | PRESENT_WRITABLE)
    machine.memory.write(CODE, bytes.fromhex("a1 00004000"))
    machine.run(insns=1)
    assert machine.memory.read(TABLE, 4) == word(FIRST | PRESENT_WRITABLE | ACCESSED)


RAM = 0x4000_0000
A64_TABLE, BLOCK = RAM + 0x10000, 0x701


@ways
def test_arm_follows_an_entry_that_it_has_changed(run) -> None:
    """4 KiB granule, one level of 1 GiB blocks: at 0 RAM to begin with, then erased flash; RAM itself as it is.

    ldr w0, [x3]; str x1, [x2]; ldr w4, [x3]; b .
    """
    machine = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    cpu = machine.cpu
    code = (0xB9400060, 0xF9000041, 0xB9400064, 0x14000000)
    machine.memory.write(RAM, b"".join(map(word, code)))
    machine.memory.write(A64_TABLE, word(RAM | BLOCK, 8) + word(RAM | BLOCK, 8))
    cpu["ttbr0_el1"], cpu["tcr_el1"], cpu["mair_el1"] = A64_TABLE, 25 | 1 << 23, 0xFF  # 39 bits; TTBR1 is not walked
    cpu["sctlr_el1"] = cpu["sctlr_el1"] | 1
    for name, value in (("x0", 0), ("x1", 0 | BLOCK), ("x2", A64_TABLE), ("x3", 0), ("x4", 0), ("pc", RAM)):
        cpu[name] = value
    run(machine)
    assert (cpu["x0"], cpu["x4"], cpu.pc) == (code[0], 0xFFFFFFFF, RAM + 12)


@ways
def test_arm_follows_a_table_base_that_it_has_changed(run) -> None:
    """Two tables, of which the second leads from 0 to erased flash; no TLBI.

    ldr w0, [x3]; msr ttbr0_el1, x1; ldr w4, [x3]; b .
    """
    machine = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    cpu, other = machine.cpu, A64_TABLE + 0x1000
    code = (0xB9400060, 0xD5182001, 0xB9400064, 0x14000000)
    machine.memory.write(RAM, b"".join(map(word, code)))
    machine.memory.write(A64_TABLE, word(RAM | BLOCK, 8) + word(RAM | BLOCK, 8))
    machine.memory.write(other, word(0 | BLOCK, 8) + word(RAM | BLOCK, 8))
    cpu["ttbr0_el1"], cpu["tcr_el1"], cpu["mair_el1"] = A64_TABLE, 25 | 1 << 23, 0xFF
    cpu["sctlr_el1"] = cpu["sctlr_el1"] | 1
    for name, value in (("x0", 0), ("x1", other), ("x3", 0), ("x4", 0), ("pc", RAM)):
        cpu[name] = value
    run(machine)
    assert (cpu["x0"], cpu["x4"], cpu.pc) == (code[0], 0xFFFFFFFF, RAM + 12)


@ways
def test_a_single_step_trap_finds_the_tables_as_its_instruction_left_them(run) -> None:
    """The stack's page is another one when the frame is pushed (SDM vol. 3A 6.9, 4.10.2).

    push 102h; popf, which sets TF; mov dword [the stack's entry], SECOND | 7
    """
    entry = PAGES + (STACK - 1 >> 12) * 4
    code = bytes.fromhex("68 02010000 9d c705") + word(entry) + word(SECOND | 7)
    bench = X86Bench("paged32", code)
    run(bench.machine)
    assert bench.vectors == [1]
    saved = [bench.memory.read(page + 0x1000 - 12, 12) for page in (STACK - 0x1000, SECOND)]
    assert saved == [bytes(8) + word(0x102), word(0x8000 + len(code)) + word(KERNEL_CODE) + word(0x102)]


class Seen:
    """A device that counts how often somebody reads it."""

    def __init__(self) -> None:
        self.reads = 0

    def mmio_read(self, address: int, size: int) -> int:
        self.reads += 1
        return 0

    def mmio_write(self, address: int, size: int, value: int) -> None:
        raise AssertionError


@ways
def test_no_walk_reads_a_device(run) -> None:
    """Where the directory leads to one there is open bus, all ones: page FFFFF000h, the ROM's last."""
    device = Seen()
    machine = x86()
    machine.attach(device, memory=(0xFED80000, 4096))
    machine.memory.write(DIRECTORY + 4, word(0xFED80000 | PRESENT_WRITABLE))
    machine.memory.write(CODE, bytes.fromhex("a1 00004000 90 90 90 ebfe"))  # mov eax, [MAPPED]; nop; nop; nop; jmp $
    rom = machine.memory.read(0xFFFFF000, 4)
    run(machine)
    assert word(machine.cpu["eax"]) == rom == machine.cpu.read(MAPPED, 4)
    assert device.reads == machine.trace.guest_errors == 0


@ways
def test_arm_no_walk_reads_a_device(run) -> None:
    """As one that nothing decodes it is a synchronous external abort: EC 25h, DFSC 10h (DDI0487 D13.2.37)."""
    device, at = Seen(), 0x0D000000
    machine = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    machine.attach(device, memory=(at, 4096))
    cpu = machine.cpu
    machine.memory.write(RAM, b"".join(map(word, (0xB9400060, 0xD503201F))))  # ldr w0, [x3]
    machine.memory.write(RAM + 0x200, word(0x14000000))
    machine.memory.write(A64_TABLE, word(at | 3, 8) + word(RAM | BLOCK, 8))
    cpu["ttbr0_el1"], cpu["tcr_el1"], cpu["mair_el1"] = A64_TABLE, 25 | 1 << 23, 0xFF
    cpu["sctlr_el1"], cpu["vbar_el1"] = cpu["sctlr_el1"] | 1, RAM
    for name, value in (("x0", 7), ("x3", 0), ("pc", RAM)):
        cpu[name] = value
    run(machine)
    assert (cpu["x0"], cpu.pc, cpu["esr_el1"] >> 26, cpu["esr_el1"] & 0x3F) == (7, RAM + 0x200, 0x25, 0x10)
    assert (device.reads, machine.trace.guest_errors) == (0, 1)
    assert cpu.read(RAM, 4) == word(0xB9400060)
    with pytest.raises(VmmError):
        cpu.read(0, 4)
    assert (device.reads, machine.trace.guest_errors) == (0, 1)
