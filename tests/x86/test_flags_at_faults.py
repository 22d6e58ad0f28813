"""Arithmetic flags are those of the last instruction that finished, where the next one faults or the core finishes it.

Expected flags are worked out here, from the definitions of SDM vol. 1 3.4.3.1 and appendix A. Unicorn alone loses them
wherever a hook sees each instruction; single steps, where nothing is left over from one to the next, do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from x86.x86_bench import CODE, CPUID, GP, RDMSR, UD, X86Bench

DE, NP, PF = 0, 11, 14
CF, PARITY, AF, ZF, SF, OF = 1 << 0, 1 << 2, 1 << 4, 1 << 6, 1 << 7, 1 << 11
ALL = CF | PARITY | AF | ZF | SF | OF
A, D = 0xD8F16ADF, 0xCD613E30
TOP, WORD = 1 << 31, (1 << 32) - 1
UNMAPPED, UNKNOWN_MSR, BEYOND_GDT = 0x7000, 0x12345, 0xFFF8


def of_result(value: int) -> int:
    even = not bin(value & 0xFF).count("1") & 1
    return PARITY * even | ZF * (value & WORD == 0) | SF * bool(value & TOP)


def add(a: int, b: int, carry: int = 0) -> int:
    total = a + b + carry
    overflow = ~(a ^ b) & (a ^ total) & TOP
    return of_result(total) | CF * (total > WORD) | AF * bool((a ^ b ^ total) & 0x10) | OF * bool(overflow)


def subtract(a: int, b: int, borrow: int = 0) -> int:
    difference = a - b - borrow
    overflow = (a ^ b) & (a ^ difference) & TOP
    return of_result(difference) | CF * (difference < 0) | AF * bool((a ^ b ^ difference) & 0x10) | OF * bool(overflow)


class Alu(NamedTuple):
    """EAX is A and EDX is D before it; `flags` after it, of those in `defined`."""

    code: str
    flags: int
    defined: int = ALL
    carry: int = 0
    """CF before it."""


LOGIC = ALL & ~AF
ALUS = {
    "add": Alu("01d0", add(A, D)),
    "adc": Alu("11d0", add(A, D, 1), carry=1),
    "sub": Alu("29d0", subtract(A, D)),
    "sub to 0": Alu("29c0", subtract(A, A)),
    "sbb": Alu("19c2", subtract(D, A, 1), carry=1),
    "cmp": Alu("39c2", subtract(D, A)),
    "and": Alu("21d0", of_result(A & D), LOGIC),
    "xor to 0": Alu("31c0", of_result(0), LOGIC),
    "inc keeps CF": Alu("ffc0", add(A, 1) & ~CF | CF, carry=1),
    "dec keeps CF": Alu("ffc8", subtract(A, 1) & ~CF | CF, carry=1),
    "neg": Alu("f7d8", subtract(0, A)),
    "shl 1": Alu("d1e0", of_result(A << 1) | CF, LOGIC),  # bits 31 and 30 are both 1: OF is 0
    "shr 1": Alu("d1ea", of_result(D >> 1) | OF, LOGIC),  # bit 0 is 0; OF is bit 31 of what was shifted
    "imul": Alu("0fafc2", CF | OF, CF | OF),
    "stc": Alu("f9", CF, CF),
    "cmc": Alu("f5", 0, CF, carry=1),
}


class Next(NamedTuple):
    """What comes behind it, with what vector."""

    code: bytes
    vector: int
    error: bool
    registers: dict[str, int]


NEXT = {
    "UD2": Next(bytes.fromhex("0f0b"), UD, False, {}),
    "DIV by 0": Next(bytes.fromhex("f7f1"), DE, False, {"rcx": 0}),
    "MOV DS": Next(bytes.fromhex("8edb"), GP, True, {"rbx": BEYOND_GDT}),
    "store": Next(bytes.fromhex("8901"), PF, True, {"rcx": UNMAPPED}),
    "load": Next(bytes.fromhex("8b01"), PF, True, {"rcx": UNMAPPED}),
    "read-modify-write": Next(bytes.fromhex("0111"), PF, True, {"rcx": UNMAPPED}),
    "PUSH of memory": Next(bytes.fromhex("ff31"), PF, True, {"rcx": UNMAPPED}),
    "REP MOVSB": Next(bytes.fromhex("f3a4"), PF, True, {"rsi": UNMAPPED, "rdi": UNMAPPED, "rcx": 3}),
    "RDMSR": Next(RDMSR, GP, True, {"rcx": UNKNOWN_MSR}),
    "SYSCALL that is not enabled": Next(bytes.fromhex("0f05"), UD, False, {}),
    "CPUID, UD2": Next(CPUID + bytes.fromhex("0f0b"), UD, False, {"rcx": 0}),
}


def run_whole(bench: X86Bench) -> None:
    bench.step(3)


def run_in_steps(bench: X86Bench) -> None:
    for _ in range(3):
        bench.step()


@pytest.mark.parametrize("run", [run_whole, pytest.param(run_in_steps, marks=pytest.mark.slow)])
@pytest.mark.parametrize("following", NEXT.values(), ids=NEXT)
@pytest.mark.parametrize("alu", ALUS.values(), ids=ALUS)
def test_a_frame_has_the_flags_of_the_instruction_before(
    alu: Alu, following: Next, run: Callable[[X86Bench], None]
) -> None:
    """SDM vol. 3A 6.5: a fault leaves the machine as it was before the faulting instruction began."""
    code = bytes.fromhex(alu.code) + following.code
    bench = X86Bench("long64", code, flags=alu.carry, rax=A, rdx=D, **following.registers)
    bench.page(UNMAPPED, 0)
    run(bench)
    assert bench.vectors == [following.vector]
    assert bench.frame(error=following.error).flags & alu.defined == alu.flags & alu.defined


LOOPS = {"LOOPNE": "e000", "LOOPE": "e100"}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("alu", ALUS.values(), ids=ALUS)
def test_a_loop_on_a_flag_changes_none(alu: Alu, loop: str, count: int) -> None:
    """SDM vol. 2A LOOPcc: none. The count comes to 0, or to 1; the displacement is 0, so both ways lead on."""
    bench = X86Bench("long64", bytes.fromhex(alu.code + loop), flags=alu.carry, rax=A, rdx=D, rcx=count)
    bench.step(2)
    assert (bench.cpu["rcx"], bench.cpu["rip"]) == (count - 1, CODE + len(alu.code) // 2 + 2)
    assert bench.cpu["rflags"] & alu.defined == alu.flags & alu.defined


@pytest.mark.parametrize(
    ("mode", "code", "count", "zero", "left", "to"),
    [
        ("protected32", "e0fe", 2, False, 1, 0),  # LOOPNE to itself: 2 - 1 and ZF 0
        ("protected32", "e0fe", 2, True, 1, 2),
        ("protected32", "e1fe", 2, True, 1, 0),
        ("protected32", "e1fe", 2, False, 1, 2),
        ("protected32", "67e0fd", 0x1_0000, False, 0x1_FFFF, 0),  # CX alone: 0 - 1
        ("long64", "e0fe", 1 << 32, False, 0xFFFF_FFFF, 0),
        ("long64", "67e0fd", 1 << 32 | 2, False, 1, 0),  # ECX, which clears what is above
        ("real", "e0fe", 0, False, 0xFFFF, 0),
    ],
)
def test_a_loop_on_a_flag_counts_by_address_size_and_goes_where_it_says(
    mode: str, code: str, count: int, zero: bool, left: int, to: int
) -> None:
    """SDM vol. 2A LOOPcc: CX, ECX or RCX by address size; not 0 and ZF as it says."""
    bench = X86Bench(mode, bytes.fromhex(code), flags=ZF * zero, rcx=count)
    begin = bench.cpu["rip"]
    bench.step()
    assert bench.cpu["rcx"] == left
    assert bench.cpu["rip"] - begin == (to and len(code) // 2)


def test_two_of_one_kind_in_a_row_while_accesses_are_looked_at() -> None:
    """A data breakpoint elsewhere. ADD [RBX], AL twice, 4 + 2 + 2: the flags are the last one's."""
    program = bytes.fromhex("0f23f8 0003 0003 90")  # mov dr7, rax; add [rbx], al, twice
    bench = X86Bench("long64", program, rax=0x30402, rbx=CODE + 0x800)
    bench.memory.write(CODE + 0x800, b"\x04")
    bench.step(4)
    assert bench.memory.read(CODE + 0x800, 1) == b"\x08"
    assert bench.cpu["rflags"] & ALL == 0
