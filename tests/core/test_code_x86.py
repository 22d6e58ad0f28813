"""Translated x86 code follows the memory it came from, whoever writes there (SDM vol. 3A 8.1.3)."""

from __future__ import annotations

import pytest

from vmm.core.native import lib
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

WRITER, READER, PATCHED, SEEN, STACK = 0x1000, 0x2000, 0x3000, 0x5000, 0x8000
OPERAND = PATCHED + 1
ROUNDS = 50

# reader: call patched; mov [SEEN], eax; jmp reader — patched: mov eax, operand; ret
READ = bytes.fromhex("e8fb0f0000 a300500000 ebf4")
PATCHED_CODE = bytes.fromhex("b800000000 c3")
# mov ecx, ROUNDS; again: mov [OPERAND], ecx; wait: cmp [SEEN], ecx; jne wait; dec ecx; jnz again; hlt
WRITE = bytes.fromhex("b932000000 890d01300000 390d00500000 75f8 49 75ef f4")


def two(**options) -> Machine:
    """vCPU 0 writes the operand of code that vCPU 1 executes, and waits until vCPU 1 has seen it."""
    machine = Machine(Config(smp=2, **{"memory": MIB, "board": "pc,pit=off,quantum=100"} | options))
    for address, code in {WRITER: WRITE, READER: READ, PATCHED: PATCHED_CODE}.items():
        machine.memory.write(address, code)
    for cpu, entry, stack in zip(machine.cpus, (WRITER, READER), (STACK, STACK + 0x1000), strict=True):
        cpu.enter_protected32(entry, {"rsp": stack})
        cpu._native.off = 0
    machine.limit(insns=200_000)
    return machine


def halted(machine: Machine) -> bool:
    """vCPU 0 has seen each of its values come back."""
    machine.run()
    return machine.cpus[0]["rcx"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_vcpu_executes_what_another_has_written_into_its_code(seed):
    assert halted(two(seed=seed))


def test_each_write_is_seen_at_the_next_turn():
    machine = two(board="pc,pit=off,quantum=20")
    machine.run()
    assert machine.cpus[0].count / ROUNDS < 5 * 20


def test_code_may_share_its_page_with_what_is_written_all_the_time():
    machine = two()
    machine.memory.write(WRITER, WRITE.replace(SEEN.to_bytes(4, "little"), (PATCHED + 0x800).to_bytes(4, "little")))
    machine.memory.write(READER, READ.replace(SEEN.to_bytes(4, "little"), (PATCHED + 0x800).to_bytes(4, "little")))
    assert halted(machine)


def test_an_instruction_across_two_pages_follows_its_second_page():
    machine = two()
    start = 0x4000 - 3
    machine.memory.write(start, PATCHED_CODE)
    machine.memory.write(WRITER, WRITE.replace(OPERAND.to_bytes(4, "little"), (start + 1).to_bytes(4, "little")))
    machine.memory.write(READER, b"\xe8" + (start - READER - 5).to_bytes(4, "little") + READ[5:])
    assert halted(machine)


def test_more_pages_of_code_than_are_noted_may_be_written_in_one_turn():
    """vCPU 1 calls a routine a page and adds up what they return; vCPU 0 rewrites all of them, 1 to 2, in one turn."""
    pages, first = 1100, 0x100000
    assert pages > lib.VMM_NOTED_PAGES
    end = (first + pages * 0x1000).to_bytes(4, "little").hex()
    machine = two(memory=8 * MIB, board="pc,pit=off,quantum=10000")
    for page in range(pages):
        machine.memory.write(first + page * 0x1000, bytes.fromhex("b801000000 c3"))  # mov eax, 1; ret
    # again: mov esi, first; xor edx, edx
    # next: call esi; add edx, eax; add esi, 1000h; cmp esi, end; jb next; mov [SEEN], edx; jmp again
    code = f"be00001000 31d2 ffd6 01c2 81c600100000 81fe{end} 72ee 891500500000 ebdf"
    machine.memory.write(READER, bytes.fromhex(code))
    # wait: cmp dword [SEEN], pages; jne wait; mov esi, first
    # next: inc dword [esi+1]; add esi, 1000h; cmp esi, end; jb next
    # seen: cmp dword [SEEN], 2*pages; jne seen; xor ecx, ecx; hlt
    once, twice = (count.to_bytes(4, "little").hex() for count in (pages, 2 * pages))
    code = f"813d00500000{once} 75f4 be00001000 ff4601 81c600100000 81fe{end} 72ef 813d00500000{twice} 75f4 31c9 f4"
    machine.memory.write(WRITER, bytes.fromhex(code))
    machine.cpus[0]["rcx"] = ROUNDS
    assert halted(machine)


def test_a_repeated_string_store_counts_as_a_write():
    machine = two()
    # mov al, cl; mov edi, OPERAND; push ecx; mov ecx, 1; rep stosb; pop ecx — and compare bytes
    code = bytes.fromhex("b932000000 88c8 bf01300000 51 b901000000 f3aa 59 380d00500000 75f8 49 75e5 f4")
    machine.memory.write(WRITER, code)
    assert halted(machine)


def one(code: bytes) -> Machine:
    machine = Machine(Config(memory=MIB, board="pc,pit=off"))
    machine.memory.write(WRITER, code)
    machine.memory.write(PATCHED, PATCHED_CODE)
    machine.cpu.enter_protected32(WRITER, {"rsp": STACK})
    machine.limit(insns=1000)
    return machine


@pytest.mark.parametrize("write", ["memory", "cpu"])
def test_what_a_script_writes_is_executed_next(write):
    machine = one(bytes.fromhex("e8fb1f0000 ebf9"))  # again: call patched; jmp again
    machine.run(insns=30)
    assert machine.cpu["rax"] == 0
    target = machine.memory if write == "memory" else machine.cpu
    target.write(OPERAND, (77).to_bytes(4, "little"))
    machine.run(insns=30)
    assert machine.cpu["rax"] == 77


def test_a_frame_pushed_over_code_replaces_it():
    """Real mode, SP in the middle of a routine that has run: INT pushes FLAGS, CS and IP over it."""
    machine = Machine(Config(memory=MIB, board="pc,pit=off"))
    # call routine; mov sp, routine+6; int 60h (handler: iret of another stack never comes; it jumps to routine)
    routine = 0x7D00
    main = bytes.fromhex("bc007f e8fa00 bc067d cd60")  # mov sp, 7f00h; call 7d00h; mov sp, 7d06h; int 60h
    machine.memory.write(0x7C00, main)
    machine.memory.write(routine, bytes.fromhex("b81111 b82222 c3"))  # mov ax, 1111h; mov ax, 2222h; ret
    machine.memory.write(0x60 * 4, bytes.fromhex("007e0000"))
    machine.memory.write(0x7E00, bytes.fromhex("e9fdfe"))  # jmp 7d00h: IP, CS, FLAGS of the frame
    machine.cpu.enter_real(0, 0x7C00, {})
    machine.run(insns=8)
    frame = bytes(machine.memory.read(routine, 6))
    assert frame[:4] == bytes.fromhex("0b7c0000")
    # 0b 7c 00 is or di, [si+0] and has replaced mov ax, 1111h
    machine.cpu["rdi"], machine.cpu["rsi"] = 0x1234, 0x7D40
    machine.memory.write(0x7D40, bytes.fromhex("00f0"))
    assert machine.cpu.pc == routine
    machine.run(insns=1)
    assert machine.cpu["rdi"] & 0xFFFF == 0xF234


def test_code_reached_by_another_linear_address_is_dropped_when_it_is_written_by_the_first():
    """Two pages map one frame: the code runs at the one, the store goes to the other."""
    machine = Machine(Config(memory=MIB, board="pc,pit=off"))
    directory, table, alias = 0x10000, 0x11000, 0x40000
    machine.memory.write(directory, (table | 3).to_bytes(4, "little"))
    entries = [n << 12 | 3 for n in range(256)]
    entries[alias >> 12] = PATCHED | 3
    machine.memory.write(table, b"".join(entry.to_bytes(4, "little") for entry in entries))
    # store once by the alias; call; mov [alias+1], 5; call; hlt
    main = bytes.fromhex("c7050100040007000000 e8f11f0000 c7050100040005000000 e8e21f0000 f4")
    machine.memory.write(WRITER, main)
    machine.memory.write(PATCHED, PATCHED_CODE)
    machine.cpu.enter_protected32(WRITER, {"rsp": STACK})
    machine.cpu["cr3"] = directory
    machine.cpu["cr0"] = machine.cpu["cr0"] | 1 << 31
    machine.run()
    assert machine.cpu["rax"] == 5
