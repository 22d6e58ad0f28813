"""Who may access a port: CPL against IOPL, and the map in the TSS.

SDM vol. 1 19.5.2, vol. 3B 20.2.8.1, and the pages of IN, INS, OUT and OUTS. The map is asked in protected mode where
CPL > IOPL, and in virtual-8086 mode always: two bytes from the port's bit on, all bits of the access 0, both bytes
within the limit of a TSS of 32 or 64 bits. #GP(0) otherwise, before anything is touched.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

import vmm
from vmm.arch.x86.vcpu import Segment
from vmm.inputs.traps import DONE, Trap
from x86.x86_bench import (
    A_TSS16_BUSY,
    A_TSS32_BUSY,
    CODE,
    DATA,
    DB,
    FIXED,
    GP,
    IF,
    IOPL3,
    KERNEL_DATA,
    NOP,
    PF,
    RF,
    RING0_STACK,
    STACK,
    TF,
    TSS,
    TSS_SELECTOR,
    UD,
    VM,
    X86Bench,
    le,
)  # fmt: skip

IN_IMM, IN_DX, OUT_IMM, OUT_DX, INSB, OUTSB = (bytes.fromhex(code) for code in ("e440", "ec", "e640", "ee", "6c", "6e"))
PORT = 0x40
MAP, LIMIT = 0x68, 0xFF
IOMAP_BASE = 0x66
RING3 = ["protected32", "long64", "compat32"]
ACCESSES = {"IN imm": IN_IMM, "IN DX": IN_DX, "OUT imm": OUT_IMM, "OUT DX": OUT_DX, "INS": INSB, "OUTS": OUTSB}


class Ported(X86Bench):
    """A bench that notes what reaches PORT, with a map at MAP that denies all."""

    def __init__(self, mode: str, code: bytes, *, deny: bool = True, **more: int) -> None:
        registers = {"rdx": PORT, "rdi": DATA, "rsi": DATA, "rcx": 3}
        super().__init__(mode, code + NOP, ring=3, **{**registers, **more})  # type: ignore[arg-type]
        self.seen: list[str] = []
        self.machine.trap(vmm.Port(PORT))(self._note)
        self.task(LIMIT, A_TSS32_BUSY)
        self.map(b"\xff" * 0x40 if deny else bytes(0x40))

    def _note(self, trap: Trap) -> str:
        self.seen.append("out" if trap.write else "in")
        trap.value = 0x5A
        return DONE

    def task(self, limit: int, attributes: int) -> None:
        self.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, limit, attributes))

    def map(self, bits: bytes, base: int = MAP) -> None:
        self.tss(IOMAP_BASE, base, 2)
        self.memory.write(TSS + base, bits)


def denied(bench: Ported) -> None:
    """#GP(0) at the instruction, with RF, and nothing has been touched."""
    frame = bench.frame(error=True, outer=not bench.long, vm86=bench.mode == "vm86")
    assert (bench.vectors, frame.ip, frame.error) == ([GP], CODE, 0)
    assert frame.flags & RF
    assert (bench.seen, bench.cpu["rdi"], bench.cpu["rsi"], bench.cpu["rcx"]) == ([], DATA, DATA, 3)


@pytest.mark.parametrize("name", ACCESSES)
@pytest.mark.parametrize("mode", [*RING3, "vm86"])
def test_denied(mode: str, name: str) -> None:
    bench = Ported(mode, ACCESSES[name])
    bench.memory.write(DATA, b"\x77")
    bench.step()
    denied(bench)
    assert bench.memory.read(DATA, 1) == b"\x77"
    assert bench.cpu["rsp"] == RING0_STACK - (48 if bench.long else 40 if mode == "vm86" else 24)


@pytest.mark.parametrize("name", ACCESSES)
@pytest.mark.parametrize("mode", [*RING3, "vm86"])
def test_allowed_by_the_map(mode: str, name: str) -> None:
    bench = Ported(mode, ACCESSES[name], deny=False)
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + len(ACCESSES[name]))
    assert bench.seen == ["out" if name.startswith("OUT") else "in"]
    if name == "INS":
        assert bench.memory.read(DATA, 2) == b"\x5a\x00"


@pytest.mark.parametrize("name", ACCESSES)
@pytest.mark.parametrize(("mode", "asked"), [("protected32", False), ("long64", False), ("vm86", True)])
def test_iopl_counts_in_protected_mode_alone(mode: str, asked: bool, name: str) -> None:
    bench = Ported(mode, ACCESSES[name], flags=IOPL3)
    bench.step()
    assert bench.vectors == [GP] * asked
    assert len(bench.seen) == (not asked)


@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
def test_ring_0_and_real_mode_are_not_asked(mode: str) -> None:
    bench = X86Bench(mode, IN_IMM + NOP)
    if mode != "real":
        bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY))
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 2)


# ---- the map ----


class Case(NamedTuple):
    port: int
    size: int
    base: int
    limit: int
    attributes: int


def allows(tss: bytes, case: Case) -> bool:
    """The rule as the manual words it."""
    at = case.base + case.port // 8
    if case.attributes == A_TSS16_BUSY or case.limit < IOMAP_BASE + 1 or at + 1 > case.limit:
        return False
    bits = int.from_bytes(tss[at : at + 2], "little") >> case.port % 8
    return bits & ((1 << case.size) - 1) == 0


def cases(chance: random.Random) -> Case:
    limit = chance.choice([0x2B, 0x66, 0x67, 0x68, 0x7F, LIMIT, chance.randrange(0x68, LIMIT)])
    base = chance.choice([0, 0x40, MAP, MAP, MAP, limit - 1, limit, limit + 1, 0xFFFF, chance.randrange(LIMIT)])
    edge = (limit - base) * 8 + chance.randrange(-20, 8)
    port = chance.choice([edge if 0 <= edge < 0x10000 else 0, chance.randrange(0x300), 0xFFFC])
    wanted = [A_TSS32_BUSY, A_TSS32_BUSY, A_TSS32_BUSY & ~0x200, A_TSS16_BUSY]
    return Case(port, chance.choice([1, 2, 4]), base, limit, chance.choice(wanted))


@pytest.mark.parametrize("mode", ["protected32", "long64", "vm86"])
def test_any_map_limit_and_task(mode: str) -> None:
    """Against the rule in words, at the edges of the map above all."""
    chance = random.Random(f"io map {mode}")
    bench = Ported(mode, NOP)
    start, answers = bench.machine.snapshot(), set()
    for _ in range(400):
        case = cases(chance)
        bench.machine.restore(start)
        tss = bytearray(bench.memory.read(TSS, 0x110))
        tss[MAP:] = chance.choices([0, 0, 0, 1, 0x80, 0x0F, 0xFF], k=len(tss) - MAP)
        tss[IOMAP_BASE : IOMAP_BASE + 2] = le(case.base, 2)
        if case.attributes == A_TSS16_BUSY and mode != "long64":
            tss[2:6] = le(RING0_STACK, 2) + le(KERNEL_DATA, 2)
        bench.memory.write(TSS, bytes(tss))
        bench.task(case.limit, case.attributes)
        wide = case.size == 4 if mode == "vm86" else case.size == 2
        bench.memory.write(CODE, b"\x66" * wide + (b"\xec" if case.size == 1 else b"\xed") + NOP)
        bench.cpu["rdx"] = case.port
        bench.step()
        assert bool(bench.cpu["rip"] < CODE + 4) == allows(tss, case), case
        answers.add(allows(tss, case))
    assert answers == {False, True}


def test_both_bytes_are_read_even_where_one_would_do() -> None:
    """SDM vol. 1 19.5.2: a byte of ones ends the map, within the limit; without it the last ports are denied."""
    for limit, vectors in ((MAP + PORT // 8, [GP]), (MAP + PORT // 8 + 1, [])):
        bench = Ported("protected32", IN_DX, deny=False)
        bench.task(limit, A_TSS32_BUSY)
        bench.step()
        assert bench.vectors == vectors


def test_the_map_is_read_as_a_supervisor_reads() -> None:
    """A page of the map that is not there: #PF with a supervisor's error code (SDM vol. 3A 4.6.1, 4.7)."""
    bench = Ported("paged32", IN_DX, deny=False, rdx=0x4000)
    bench.task(0x1FFF, A_TSS32_BUSY)
    bench.page(TSS + MAP + 0x4000 // 8 & ~0xFFF, 3)  # ring 3 may not read it, and need not
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 1)

    bench = Ported("paged32", IN_DX, rdx=0x7800)
    bench.tss(IOMAP_BASE, 0xE000 - 0xF00 - TSS, 2)
    bench.task(0xFFFF, A_TSS32_BUSY)
    bench.page(0xE000, 0)
    bench.step()
    frame = bench.frame(error=True, outer=True)
    assert (bench.vectors, bench.cpu["cr2"], frame.error, frame.ip) == ([PF], 0xE000, 0, CODE)


# ---- against other faults ----


def test_it_is_asked_before_the_operand_in_memory() -> None:
    """Pages INS and OUTS, "Operation": the check stands first."""
    for code in (INSB, OUTSB):
        bench = Ported("paged32", code)
        bench.page(DATA, 0)
        bench.step()
        denied(bench)
        bench = Ported("paged32", code, deny=False)
        bench.page(DATA, 0)
        bench.step()
        frame = bench.frame(error=True, outer=True)
        assert (bench.vectors, bench.cpu["cr2"], frame.ip) == ([PF], DATA, CODE)
        assert bench.seen == []


def test_lock_comes_before_it() -> None:
    """SDM vol. 3A table 6-2: decoding before executing."""
    bench = Ported("protected32", b"\xf0" + IN_IMM)
    bench.step()
    assert bench.vectors == [UD]


# ---- repeated ----


@pytest.mark.parametrize("mode", [*RING3, "vm86"])
def test_every_iteration_is_allowed(mode: str) -> None:
    bench = Ported(mode, b"\xf3" + INSB, deny=False)
    bench.step(4)
    assert (bench.vectors, bench.seen, bench.rip) == ([], ["in"] * 3, CODE + 3)
    assert (bench.cpu["rcx"], bench.cpu["rdi"], bench.memory.read(DATA, 4)) == (0, DATA + 3, b"\x5a\x5a\x5a\x00")


def test_every_iteration_is_asked() -> None:
    """An interrupt between two of them may take the port away."""
    bench = Ported("protected32", b"\xf3" + INSB, deny=False, flags=IF)
    bench.step(1)
    bench.map(b"\xff" * 0x40)
    bench.step(1)
    frame = bench.frame(error=True, outer=True)
    assert (bench.vectors, frame.ip, frame.flags) == ([GP], CODE, IF | FIXED | RF)
    assert (bench.seen, bench.cpu["rcx"], bench.cpu["rdi"]) == (["in"], 2, DATA + 1)


@pytest.mark.parametrize(("deny", "vectors"), [(True, [GP]), (False, [])])
def test_a_count_of_0_asks_too(deny: bool, vectors: list[int]) -> None:
    """The manual's REP leaves it open; Bochs, KVM and QEMU all ask before they look at the count."""
    bench = Ported("protected32", b"\xf3" + INSB, deny=deny, rcx=0)
    bench.step()
    assert (bench.vectors, bench.seen) == (vectors, [])
    assert deny or bench.rip == CODE + 2


def test_what_follows_an_allowed_access_is_asked_for_itself() -> None:
    bench = Ported("protected32", IN_IMM + bytes.fromhex("e448"), deny=False)
    bench.tss(MAP + 0x48 // 8, 1, 1)
    bench.step(2)
    frame = bench.frame(error=True, outer=True)
    assert (bench.vectors, frame.ip, bench.seen) == ([GP], CODE + 2, ["in"])


def test_a_single_step_trap_follows_an_allowed_access() -> None:
    bench = Ported("protected32", IN_IMM, deny=False, flags=TF)
    bench.step()
    frame = bench.frame(outer=True)
    assert (bench.vectors, frame.ip, frame.flags) == ([DB], CODE + 2, TF | FIXED)
    assert bench.seen == ["in"]


# ---- virtual-8086 mode ----

SENSITIVE = {"CLI": "fa", "STI": "fb", "PUSHF": "9c", "POPF": "9d", "INT n": "cd41", "IRET": "cf"}


@pytest.mark.parametrize("name", SENSITIVE)
def test_sensitive_instructions_in_virtual_8086_mode(name: str) -> None:
    """SDM vol. 3B 20.2.7: #GP(0) where IOPL < 3, for CPUID announces no virtual mode extensions."""
    for iopl in range(3):
        bench = X86Bench("vm86", bytes.fromhex(SENSITIVE[name]), flags=iopl << 12)
        bench.gate(0x41, dpl=3)
        bench.step()
        frame = bench.frame(error=True, vm86=True)
        assert (bench.vectors, frame.error, frame.ip) == ([GP], 0, CODE)
        assert (frame.flags, frame.sp) == (FIXED | VM | RF | iopl << 12, STACK)
        assert bench.machine.cpu.cpuid(1)[3] >> 1 & 1 == 0
