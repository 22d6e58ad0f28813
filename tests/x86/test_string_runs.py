"""Long REP MOVS, STOS, CMPS and SCAS: whatever is done at once, each iteration is an instruction (SDM vol. 2B REP).

Expected memory and registers come from `Case.model`: one element after the other, as the manual's pseudo-code has it.
"""

from __future__ import annotations

import random

import pytest
from core.visible_state import everything

import vmm
from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import CODE, DF, IF, NOP, PF, RF, X86Bench, handler

LOW, SIZE = 0x100000, 0x8000
"""Where operands lie, in modes that reach so far."""
SOURCE16, TARGET16 = 0x20000, 0x30000
"""Bases of DS and ES in 16-bit modes."""
WIDE_MODES = ("protected32", "paged32", "long64", "compat32")
NARROW_MODES = ("real", "protected16", "vm86")


class Case:
    """A REP instruction with random operands, and where it starts."""

    def __init__(self, mode: str, seed: int) -> None:
        dice = random.Random(f"{mode} {seed}")
        self.mode, self.narrow = mode, mode in NARROW_MODES
        self.moves = dice.random() < 0.6
        self.size = dice.choice([1, 2, 4, 8] if mode == "long64" else [1, 2, 4])
        self.backwards = dice.random() < 0.3
        self.short_addresses = dice.random() < 0.25
        self.count = dice.choice([2, 9, 10, 11, 100, 700, 2000])
        reach = self.count * self.size
        room = 0x10000 - reach if self.narrow else SIZE
        first = 0 if self.narrow else LOW + (reach if self.backwards else 0)
        if self.narrow and self.backwards:
            first = reach
        self.target = first + dice.randrange(room - (first if self.narrow else 0) + 1)
        near = self.target + dice.randrange(-3 * self.size, 3 * self.size + 1)
        other = first + dice.randrange(room - (first if self.narrow else 0) + 1)
        self.source = other if self.narrow or dice.random() < 0.5 else near
        self.value = dice.getrandbits(64 if mode == "long64" else 32)

    @property
    def code(self) -> bytes:
        """F3, whatever makes operand and addresses as wide as wanted, and the opcode."""
        code = b"\xf3"
        if self.size in (2, 4) and (self.size == 2) != self.narrow:
            code += b"\x66" if not (self.mode == "long64" and self.size == 4) else b""
        if self.short_addresses != self.narrow and (self.mode in ("long64", "real", "vm86", "protected16")):
            code += b"\x67"
        if self.size == 8:
            code += b"\x48"
        return code + bytes([(0xA4 if self.moves else 0xAA) | (self.size > 1)])

    def bench(self) -> X86Bench:
        flags = (DF if self.backwards else 0) | IF
        registers = {"rcx": self.count, "rdi": self.target, "rsi": self.source, "rax": self.value}
        bench = X86Bench(self.mode, self.code + NOP, flags=flags, **registers)
        if self.narrow:
            for name, base in (("ds", SOURCE16), ("es", TARGET16)):
                attributes = bench.cpu.segment(name).attributes
                bench.cpu.set_segment(name, Segment(base >> 4, base, 0xFFFF, attributes))
        noise = random.Random(7)
        for base in (SOURCE16, TARGET16, LOW - 0x4000):
            bench.memory.write(base, noise.randbytes(0x10000))
        return bench

    def model(self, memory: bytearray) -> tuple[int, int, int]:
        """RCX, RSI and RDI when it is over; `memory` is changed."""
        step = -self.size if self.backwards else self.size
        source, target = self.source, self.target
        for _ in range(self.count):
            to = target + (TARGET16 if self.narrow else 0)
            if self.moves:
                at = source + (SOURCE16 if self.narrow else 0)
                memory[to : to + self.size] = memory[at : at + self.size]
                source += step
            else:
                memory[to : to + self.size] = (self.value & (1 << 8 * self.size) - 1).to_bytes(self.size, "little")
            target += step
        mask = 0xFFFF if self.narrow else 0xFFFFFFFF
        return 0, source & mask, target & mask


@pytest.mark.parametrize("mode", WIDE_MODES + NARROW_MODES)
def test_memory_and_registers_are_those_of_one_element_after_the_other(mode: str) -> None:
    for seed in range(12):
        case = Case(mode, seed)
        bench = case.bench()
        memory = bytearray(bench.memory.read(0, bench.memory.size))
        bench.step(case.count)
        expected = case.model(memory)
        assert (bench.cpu["rcx"], bench.cpu["rsi"], bench.cpu["rdi"]) == expected, vars(case)
        written = bench.memory.read(0x20000, bench.memory.size - 0x20000)
        assert written == memory[0x20000:], vars(case)
        bench.step()
        assert (bench.cpu.count, bench.rip) == (case.count + 1, CODE + len(case.code) + 1), vars(case)


@pytest.mark.parametrize("mode", WIDE_MODES + NARROW_MODES)
def test_slices_and_single_steps_change_nothing(mode: str) -> None:
    for seed in range(6):
        case = Case(mode, seed)
        whole, cut = case.bench(), case.bench()
        whole.step(case.count + 2)
        dice = random.Random(seed)
        while (left := case.count + 2 - cut.machine.instructions) > 0:
            cut.step(min(left, dice.choice([1, 1, 2, 15, 16, 17, 300])))
        assert everything(whole.machine) == everything(cut.machine), vars(case)


class Comparison:
    """REPE or REPNE CMPS or SCAS over elements of which the first that ends it is known."""

    def __init__(self, mode: str, seed: int) -> None:
        dice = random.Random(f"{mode} {seed}")
        self.mode, self.narrow = mode, mode in NARROW_MODES
        self.scans, self.equal = dice.random() < 0.5, dice.random() < 0.5
        self.size = dice.choice([1, 2, 4, 8] if mode == "long64" else [1, 2, 4])
        self.step = self.size * dice.choice([1, 1, -1])
        self.count = dice.choice([9, 10, 100, 1500])
        self.ends = dice.choice([0, 1, 8, self.count - 2, self.count - 1, None])
        """Index of the element behind which it does not go on; None: all of them do."""
        self.first = 0x4000 if self.step < 0 else dice.randrange(0x40)
        top = 1 << 8 * self.size
        self.value = dice.randrange(top)
        self.elements = [(self.value, self.value if self.equal else (self.value + dice.randrange(1, top)) % top)
                         for _ in range(self.count)]  # fmt: skip
        if self.ends is not None:
            self.elements[self.ends] = self.value, (self.value + (dice.randrange(1, top) if self.equal else 0)) % top

    @property
    def code(self) -> bytes:
        code = b"\xf3" if self.equal else b"\xf2"
        if self.size in (2, 4) and (self.size == 2) != self.narrow and not (self.mode == "long64" and self.size == 4):
            code += b"\x66"
        if self.size == 8:
            code += b"\x48"
        return code + bytes([(0xAE if self.scans else 0xA6) | (self.size > 1)])

    def bench(self) -> X86Bench:
        base = 0 if self.narrow else LOW
        flags = (DF if self.step < 0 else 0) | IF
        registers = {"rcx": self.count, "rdi": base + self.first, "rsi": base + SIZE + self.first, "rax": self.value}
        bench = X86Bench(self.mode, self.code + NOP, flags=flags, **registers)
        if self.narrow:
            for name, start in (("ds", SOURCE16), ("es", TARGET16)):
                attributes = bench.cpu.segment(name).attributes
                bench.cpu.set_segment(name, Segment(start >> 4, start, 0xFFFF, attributes))
        for n, (left, right) in enumerate(self.elements):
            offset = self.first + n * self.step
            left_at, right_at = (SOURCE16 + SIZE, TARGET16) if self.narrow else (LOW + SIZE, LOW)
            bench.memory.write(left_at + offset, left.to_bytes(self.size, "little"))
            bench.memory.write(right_at + offset, right.to_bytes(self.size, "little"))
        return bench

    @property
    def begun(self) -> int:
        return self.count if self.ends is None else self.ends + 1

    def flags(self, index: int) -> int:
        """Of the subtraction (SDM vol. 1 3.4.3.1), digit by digit."""
        left, right = self.elements[index]
        bits, signed = 8 * self.size, lambda value: value - (value >> 8 * self.size - 1 << 8 * self.size)
        result, exact = (left - right) % (1 << bits), signed(left) - signed(right)
        overflows = not -(1 << bits - 1) <= exact < 1 << bits - 1
        parity = bin(result & 0xFF).count("1") % 2 == 0
        borrows = left % 16 < right % 16
        return (
            (left < right) | parity << 2 | borrows << 4 | (result == 0) << 6 | result >> bits - 1 << 7 | overflows << 11
        )


ARITHMETIC = 0x8D5


@pytest.mark.parametrize("mode", WIDE_MODES + NARROW_MODES)
def test_a_comparison_ends_behind_the_element_that_ends_it_with_its_flags(mode: str) -> None:
    for seed in range(16):
        case = Comparison(mode, seed)
        bench = case.bench()
        before = bench.cpu["rdi"], bench.cpu["rsi"]
        bench.step(case.begun)
        moved = case.begun * case.step
        left = before[1] - bench.cpu["rsi"], before[0] - bench.cpu["rdi"]
        assert left == (0 if case.scans else -moved, -moved), vars(case)
        assert bench.cpu["rcx"] == case.count - case.begun, vars(case)
        assert bench.cpu["rflags"] & ARITHMETIC == case.flags(case.begun - 1), vars(case)
        bench.step()
        assert (bench.cpu.count, bench.rip) == (case.begun + 1, CODE + len(case.code) + 1), vars(case)


@pytest.mark.parametrize("mode", WIDE_MODES + NARROW_MODES)
def test_wherever_a_comparison_is_looked_at_it_has_the_flags_of_its_last_element(mode: str) -> None:
    for seed in range(8):
        case = Comparison(mode, seed)
        whole, cut, dice = case.bench(), case.bench(), random.Random(seed)
        while (left := case.begun - cut.machine.instructions) > 0:
            cut.step(min(left, dice.choice([1, 1, 2, 15, 16, 17, 300])))
            assert cut.cpu["rflags"] & ARITHMETIC == case.flags(cut.machine.instructions - 1), vars(case)
        whole.step(case.begun)
        assert everything(whole.machine) == everything(cut.machine), vars(case)


@pytest.mark.parametrize("after", [1, 2, 9, 57, 500, 511, 512, 513, 999])
def test_an_interrupt_comes_between_the_iterations_where_it_is_due(after: int) -> None:
    """A frame holds RF and the instruction's own address (SDM vol. 3B 17.3.1.1), and RCX says how many are left."""
    bench = X86Bench("protected32", b"\xf3\xab" + NOP, flags=IF, rcx=1000, rdi=LOW + 0x800, rax=0x5A5A5A5A)
    bench.initialise_pic()
    bench.machine.stimulate(bench.machine.irq(5), vmm.Sequence([after]))
    bench.step(1001)
    assert bench.vectors == [0x25]
    assert (bench.frame().ip, bench.frame().flags & RF) == (CODE, RF)
    assert (bench.cpu["rcx"], bench.cpu["rdi"]) == (1000 - after, LOW + 0x800 + 4 * after)
    assert bench.memory.read(LOW + 0x800, 4000) == b"\x5a" * 4 * after + bytes(4000 - 4 * after)


@pytest.mark.parametrize("mode", ["paged32", "long64"])
def test_a_page_fault_in_the_middle_leaves_the_rest(mode: str) -> None:
    missing = LOW + 0x2000
    bench = X86Bench(mode, b"\xf3\xaa" + NOP, rcx=0x4000, rdi=LOW + 0x400, rax=0x77)
    bench.page(missing, 0)
    bench.step(0x1C00 + 2)
    assert bench.vectors == [PF]
    assert (bench.rip, bench.cpu["cr2"]) == (handler(PF), missing)
    assert (bench.cpu["rcx"], bench.cpu["rdi"]) == (0x4000 - 0x1C00, missing)
    assert bench.frame(error=True).ip == CODE


def test_a_user_may_not_write_a_supervisors_page_in_the_middle() -> None:
    bench = X86Bench("paged32", b"\xf3\xaa" + NOP, ring=3, rcx=0x2000, rdi=LOW + 0x800, rax=0x77)
    bench.page(LOW + 0x1000, 3)
    bench.step(0x800 + 2)
    assert (bench.vectors, bench.cpu["cr2"]) == ([PF], LOW + 0x1000)
    assert bench.frame(error=True, outer=True).error == 7  # present, write, user


def test_each_iteration_is_a_boundary_to_those_who_wait() -> None:
    bench = X86Bench("protected32", b"\xf3\xaa" + NOP, rcx=40, rdi=LOW, rax=1)
    bench.step()
    seen = []
    for _ in range(30):
        bench.machine.run(until=vmm.NextBoundary())
        seen.append((bench.rip, bench.cpu["rcx"]))
    assert seen == [(CODE, 40 - n) for n in range(2, 32)]


def test_a_run_of_stores_over_code_is_executed_next() -> None:
    """rep stosb fills with NOPs a routine that has run, MOV EAX, 1; RET, and the INC EAX behind it is what comes."""
    routine, call_back = LOW + 0x20, bytes.fromhex("b801000000 c3")
    # call routine; rep stosb; call routine; hlt
    code = b"\xe8" + (routine - CODE - 5).to_bytes(4, "little") + b"\xf3\xaa"
    code += b"\xe8" + (routine - CODE - 12).to_bytes(4, "little") + b"\xf4"
    bench = X86Bench("protected32", code, rcx=0x120, rdi=LOW, rax=0x90)
    bench.memory.write(routine, call_back + NOP * 0x200 + bytes.fromhex("40 c3"))  # ...; inc eax; ret
    bench.memory.write(LOW + 0x200, bytes.fromhex("40 c3"))
    bench.step(3)
    bench.cpu["rax"] = 0x90
    bench.step(0x120 + 1 + 0x1E0 + 1)
    assert bench.cpu["rax"] == 0x91


def test_snapshots_know_the_pages_of_a_run() -> None:
    bench = X86Bench("protected32", b"\xf3\xab" + NOP, rcx=4000, rdi=LOW, rax=0x11223344)
    before = bench.machine.snapshot()
    bench.step(2000)
    middle = bench.machine.snapshot()
    bench.step(2000)
    bench.machine.restore(middle)
    assert bench.memory.read(LOW, 16000) == b"\x44\x33\x22\x11" * 2000 + bytes(8000)
    bench.machine.restore(before)
    assert bench.memory.read(LOW, 16000) == bytes(16000)
