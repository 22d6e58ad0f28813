"""Programs of a million instructions in both gears, side by side: one run, wherever both stop.

x86 programs loop over random steps, most of which compute, so that blocks are long and are run again; some fault, store
into the code that comes next, or mask interrupts. Those of ARM are `fuzz_arm`'s. Interrupts come by themselves.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

import fuzz_arm
import fuzz_x86
from fuzz_cases import Outcome, fingerprint
from fuzz_looking import Case, compare, seen
from fuzz_noise import Kind, Noise
from fuzz_x86 import BODIES, CODE, ENDS, HANDLERS, IDT, KERNEL32, KERNEL64, POPS_AND_SKIPS, RETURNS, SKIPS, X86Noise

from vmm.arch.x86.vcpu import Segment
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.scenario.stimuli import Poisson

INSTRUCTIONS = 1_000_000
"""Of one case."""
SLICES = (1, 3, 50, 1_000, 30_000, 200_000)
"""Instructions until both stop again."""
QUANTA = (50, 300, 1_000, 5_000)
"""Instructions of a turn, where there are two vCPUs."""

# ---- x86 ----

DATA, COUNTERS, SECOND = 0xC000, 0xB000, 0x9000
"""What steps load and store; loop counters, of 4 bytes; the second vCPU's program, which is of 16 bits."""
PLAIN = (0, 1, 2, 3, 6, 7)
"""Registers that steps change: neither the stack's pointer nor the frame's."""


def _table(text: str) -> tuple[list[str], ...]:
    return tuple(line.split() for line in text.replace("\n", "|").split("|") if line.strip())


# As in fuzz_x86; `rr`: two registers; `one`: one, shifted; `data`: a register and memory; `at`: an address there.
COMPUTE = _table("""
    w 01 rr | w 03 rr | w 11 rr | w 13 rr | w 29 rr | w 2b rr | w 19 rr | w 31 rr | w 21 rr | w 09 rr | w 39 rr
    w 85 rr | w 87 rr | w 0f af rr | w 0f b6 rr | w 0f be rr | w 0f bf rr | 88 rr | 0f 92 rr | 0f 94 rr | 0f 9e rr
    w 0f 44 rr | w c1 one any | w d3 one | w d1 one | w 01 data | w 03 data | w 11 data | w 29 data | w 89 data
    w 8b data | w 39 data | 88 data | 8a data | w 86 data | w 87 data | f0 01 data | f0 0f b1 data | f0 0f c1 data
    0f 9f data | w 0f b7 data | 50 5b | 53 51 58 5a | 9c 58 | 75 01 90 | 72 02 90 90 | 7c 02 89 c8 | e8 zero 58 | fc
    f8 | f9 | f5 | 98 | 99 | w f7 d8 | w f7 d1 | w f7 e2 | 0f c8 | b8 value | b9 value | ba value | w 0f a3 rr
    w 0f a4 rr any | w 0f bc rr
""")
RARE = _table("""
    bf at b9 few f3 aa | be at bf at b9 few f3 a4 | bf at b9 few f2 ae | fd bf at b9 few f3 ab fc
    be at bf at b9 few f3 a6 | fb | fa | fb 90 | fa 90 fb | 16 17 | 8c d0 8e d0 | 9c 9d | 6a 02 9d fb | cd 80 | cc
    0f 0b c0 | 0f a2 | 0f 31 | f3 90 | 0f 20 c0 | fb f4 | 0f 05 90 90 90 90 | f7 f1 | e4 21 | e4 40 | e4 60 | e4 61
    b0 any e6 80 | d9 e8 dd d8 | 0f 28 c1 | 0f 58 c1 | 9b | 60 61 | c6 next any b0 any | f1 | sets-tf
    c6 next any b0 any
""")
INIT = (
    "b0 11 e6 20 e6 a0 b0 20 e6 21 b0 28 e6 a1 b0 04 e6 21 b0 02 e6 a1 b0 01 e6 21 e6 a1 b0 00 e6 21 e6 a1 b0 34 e6 43"
)
"""Both 8259As begin at vector 20h and mask nothing; the 8254's first counter is periodic."""
SETS_TF = {16: "9c 58 80 cc 01 50 9d", 32: "9c 80 4c 24 01 01 9d", 64: "9c 80 4c 24 01 01 9d"}
ICR = 0xFEE00300


class Writer:
    """x86 code of one width that is being written."""

    def __init__(self, chance: X86Noise, bits: int, at: int, counters: int) -> None:
        self.chance, self.bits, self.at, self.counters = chance, bits, at, counters
        self.code = bytearray()

    def word(self, value: int) -> bytes:
        return X86Noise.word(value, self.bits != 16)

    def memory(self, register: int, address: int) -> bytes:
        """ModRM and what belongs to it: an absolute address."""
        if self.bits == 64:
            return bytes((register << 3 | 4, 0x25)) + self.word(address)
        return bytes((register << 3 | (6 if self.bits == 16 else 5),)) + self.word(address)

    def token(self, text: str) -> bytes:
        chance, register = self.chance, self.chance.choice(PLAIN)
        match text:
            case "w":
                return b"\x48" if self.bits == 64 and chance.likely(0.5) else b""
            case "rr":
                return bytes((0xC0 | register << 3 | chance.choice(PLAIN),))
            case "one":
                return bytes((0xC0 | chance.randrange(8) << 3 | register,))
            case "data":
                return self.memory(register, DATA + chance.randrange(0x1000))
            case "at":
                return self.word(DATA + 0x100 + chance.randrange(0x1000))
            case "few":
                return self.word(chance.randrange(40))
            case "zero":
                return self.word(0)
            case "value":
                return self.word(chance.value())
            case "next":  # the immediate byte of the instruction behind this one
                size = len(self.memory(0, 0))
                return self.memory(0, self.at + len(self.code) + size + 2)
            case "sets-tf":
                return bytes.fromhex(SETS_TF[self.bits])
        return chance.token(text, self.bits != 16)

    def step(self, text: list[str]) -> None:
        for each in text:
            self.code += self.token(each)

    def loop(self, number: int, rare: float) -> None:
        """Some steps, several times over, counted in memory."""
        counter = self.memory(0, self.counters + 4 * number)
        self.code += b"\xc7" + counter + self.word(self.chance.randint(1, 60))
        begin = len(self.code)
        for _ in range(self.chance.randint(2, 14)):
            self.step(self.chance.choice(RARE if self.chance.likely(rare) else COMPUTE))
        self.code += b"\xff" + self.memory(1, self.counters + 4 * number) + b"\x0f\x85"
        self.code += self.word(begin - len(self.code) - len(self.word(0)))

    def program(self, prelude: bytes = b"") -> bytes:
        """Endless: each loop after the other."""
        stack = b"\xbc" + self.word(0x7000 if self.at == CODE else 0x6800)
        self.code += stack + bytes.fromhex("6a 02 9d") + prelude
        begin, rare = len(self.code), self.chance.choice((0.01, 0.05, 0.2))
        self.code += stack
        number = 0
        while len(self.code) < 0xC00:
            self.loop(number, rare)
            number += 1
        self.code += b"\xe9"
        self.code += self.word(begin - len(self.code) - len(self.word(0)))
        return bytes(self.code)


def handlers(machine: Machine, bits: int, at: int) -> None:
    for index, text in enumerate(BODIES[bits]):
        machine.memory.write(at + 32 * index, bytes.fromhex(text))


def handler(vector: int, at: int = HANDLERS) -> int:
    """What faults is left behind byte by byte; NMI, #DB, #BP and INT n return."""
    if vector in (1, 2, 3, 4, 0x80):
        return at + 32 * RETURNS
    kind = POPS_AND_SKIPS if vector in fuzz_x86.WITH_ERROR else SKIPS if vector < 32 else ENDS
    return at + 32 * kind


def vectors16(machine: Machine, at: int) -> None:
    entries = (handler(vector, at) for vector in range(256))
    machine.memory.write(0, b"".join(X86Noise.word(entry, True) for entry in entries))


def write_program(machine: Machine, chance: X86Noise, bits: int, steps: bytes = b"") -> None:
    divisor = chance.randint(3, 400)
    prelude = bytes.fromhex(INIT) + bytes((0xB0, divisor & 0xFF, 0xE6, 0x40, 0xB0, divisor >> 8, 0xE6, 0x40))
    machine.memory.write(CODE, Writer(chance, bits, CODE, COUNTERS).program(steps + prelude + b"\xfb"))
    handlers(machine, bits, HANDLERS)


def real_loops(machine: Machine, chance: X86Noise, biased: bool) -> None:
    fuzz_x86.real(machine, chance, False)
    write_program(machine, chance, 16)
    vectors16(machine, HANDLERS)


def prepared(machine: Machine, chance: X86Noise, prepare: Callable[..., None]) -> None:
    """With tables that are whole, and no flag that ends a program at once."""
    prepare(machine, chance, False)
    for name, base, limit in (("gdtr", fuzz_x86.GDT, 0xFF), ("idtr", IDT, 0xFFF)):
        machine.cpu.set_segment(name, Segment(0, base, limit, 0))
    machine.cpu["rflags"] = 2


def gates(machine: Machine, bits: int, ist: int = 0) -> None:
    selector, size = (KERNEL64, 16) if bits == 64 else (KERNEL32, 8)
    rows = (handler(vector) | selector << 16 | ist << 32 | 0xEE << 40 for vector in range(256))
    machine.memory.write(IDT, b"".join(row.to_bytes(size, "little") for row in rows))


def protected32_loops(machine: Machine, chance: X86Noise, biased: bool) -> None:
    prepared(machine, chance, fuzz_x86.protected32)
    write_program(machine, chance, 32)
    gates(machine, 32)


def long64_loops(machine: Machine, chance: X86Noise, biased: bool) -> None:
    prepared(machine, chance, fuzz_x86.long64)
    write_program(machine, chance, 64)
    gates(machine, 64, chance.randrange(2))


def two_loops(machine: Machine, chance: X86Noise, biased: bool) -> None:
    """The first vCPU starts the second, in real mode (SDM vol. 3A 11.6.1); they share the data."""
    prepared(machine, chance, fuzz_x86.protected32)
    rows = ((ICR + 0x10, fuzz_x86.TO_ID_1), (ICR, fuzz_x86.INIT), (ICR, 0x4600 | SECOND >> 12))
    stores = b"".join(b"\xc7\x05" + X86Noise.word(at, True) + X86Noise.word(value, True) for at, value in rows)
    write_program(machine, chance, 32, stores)
    gates(machine, 32)
    machine.memory.write(SECOND, Writer(chance, 16, SECOND, COUNTERS + 0x800).program())
    handlers(machine, 16, fuzz_x86.HANDLERS16)
    vectors16(machine, fuzz_x86.HANDLERS16)


def configure(chance: Noise) -> Config:
    return Config(memory=fuzz_x86.LARGE, cpu=chance.choice(("default", "max")), console=None)


def configure_two(chance: Noise) -> Config:
    return Config(board="pc,quantum=1", memory=fuzz_x86.LARGE, smp=2, seed=chance.getrandbits(2), console=None)


KINDS = (
    *(Kind(X86Noise, configure, each, fuzz_x86.stimulate) for each in (real_loops, protected32_loops, long64_loops)),
    Kind(X86Noise, configure_two, two_loops, fuzz_x86.stimulate),
    *fuzz_arm.KINDS,
)

# ---- a case ----


class Long(Case):
    """A machine in either gear, about to run, and interrupts that come by themselves."""

    @property
    def kind(self) -> Kind:
        return KINDS[self.number // 2 % len(KINDS)]

    def machine(self, gear: str) -> Machine:
        chance = self.kind.noise(f"{self.seed}/{self.number}")
        config = replace(self.kind.configure(chance), gear=gear, console=None)
        if config.smp > 1:  # a turn costs much more than an instruction
            config = replace(config, board=re.sub(r"quantum=\d+", f"quantum={chance.choice(QUANTA)}", config.board))
        machine = Machine(config)
        self.kind.prepare(machine, chance, self.number % 2 == 1)
        lines = 16 if machine.architecture == "x86" else 32
        for _ in range(3):
            line = machine.irq(chance.randint(1, lines - 1))
            machine.stimulate(line, Poisson(chance.choice((200, 3_000, 50_000)), hold=chance.choice((0, "served", 40))))
        machine.limit(insns=INSTRUCTIONS)
        return machine


def there_and_back(machine: Machine, insns: int) -> None:
    before = machine.snapshot()
    machine.run(insns=insns)
    machine.restore(before)


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Run case `number` in both gears, and write where they stopped into `report`; Difference where two differ."""
    case = Long(seed, number)
    precise, fast = case.machine("precise"), case.machine("fast")
    chance, reason = Noise(f"long {seed}/{number}"), "count"
    while reason == "count":
        insns = chance.choice(SLICES)
        reason = precise.run(insns=insns).reason
        if chance.likely(0.2):
            there_and_back(fast, chance.choice((1, 30, 700)))
        fast.run(insns=insns)
        print(fast.position, file=report or io.StringIO(), flush=True)
        compare(seen(precise, b""), seen(fast, b""), f"fast, {precise.instructions} instructions on")
    return Outcome(number, case.kind.name, reason, fingerprint(fast), fast.instructions)
