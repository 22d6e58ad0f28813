"""SSE exceptions: MXCSR's flags and #XM (SDM vol. 1 11.5, 11.6.4; vol. 3A 6.15 "Interrupt 19")."""

from __future__ import annotations

import struct

import pytest

from x86.x86_bench import CODE, DATA, NOP, UD, X86Bench

IE, DE, ZE, OE, UE, PE = 1, 2, 4, 8, 16, 32
MASKED, DAZ = 0x1F80, 1 << 6
OSFXSR, OSXMMEXCPT = 1 << 9, 1 << 10
XM = 19
DENORMAL = 1e-40
A, B, TO, CONTROL = DATA, DATA + 0x10, DATA + 0x20, DATA + 0x30

LDMXCSR, STMXCSR = bytes.fromhex("0fae13"), bytes.fromhex("0fae1b")
"""Of [RBX]."""
LOAD, STORE = bytes.fromhex("0f2806"), bytes.fromhex("0f2901")
"""MOVAPS XMM0, [RSI]; MOVAPS [RCX], XMM0."""


def on_second(opcode: str, prefix: str = "") -> bytes:
    """OP XMM0, [RDI]."""
    return bytes.fromhex(f"{prefix} 0f {opcode} 07")


ADDSS, MULSS, DIVSS, SQRTSS, MAXSS = (on_second(opcode, "f3") for opcode in ("58", "59", "5e", "51", "5f"))
ADDSD, DIVSD, CVTSD2SS, CVTTSD2SI = (on_second(opcode, "f2") for opcode in ("58", "5e", "5a", "2c"))
COMISS, UCOMISS, ADDPS, DIVPS, RCPPS, RSQRTPS = (on_second(opcode) for opcode in ("2f", "2e", "58", "5e", "53", "52"))
CVTSI2SS = on_second("2a", "f3")
QNAN = float("nan")


def singles(*values: float) -> bytes:
    return struct.pack("<4f", *(list(values) + [1.0] * 4)[:4])


def doubles(*values: float) -> bytes:
    return struct.pack("<2d", *(list(values) + [1.0] * 2)[:2])


CASES = {
    "the root of -1": (SQRTSS, singles(), singles(-1.0), IE),
    "0 / 0": (DIVSS, singles(0.0), singles(0.0), IE),
    "a NaN is compared": (COMISS, singles(QNAN), singles(1.0), IE),
    "a NaN is the greater": (MAXSS, singles(QNAN), singles(1.0), IE),
    "an integer that does not fit": (CVTTSD2SI, doubles(), doubles(1e30), IE),
    "a denormal is added": (ADDSS, singles(DENORMAL), singles(0.0), DE),
    "1 / 0": (DIVSS, singles(1.0), singles(0.0), ZE),
    "1 / 0 of doubles": (DIVSD, doubles(1.0), doubles(0.0), ZE),
    "an overflow": (MULSS, singles(3e38), singles(3e38), OE | PE),
    "a double that is too large": (CVTSD2SS, doubles(), doubles(1e300), OE | PE),
    "an underflow": (MULSS, singles(1e-30), singles(1.1e-15), UE | PE),
    "1 / 3": (DIVSS, singles(1.0), singles(3.0), PE),
    "a sum of doubles": (ADDSD, doubles(1.0), doubles(2.0**-70), PE),
    "an integer of 25 bits": (CVTSI2SS, singles(), struct.pack("<i", 0x1000001) + bytes(12), PE),
    "the last of four elements": (DIVPS, singles(1.0, 1.0, 1.0, 1.0), singles(1.0, 2.0, 4.0, 0.0), ZE),
}
EXACT = {
    "a quiet comparison of a NaN": (UCOMISS, singles(QNAN), singles(1.0)),
    "1 + 1": (ADDSS, singles(1.0), singles(1.0)),
    "an estimate of 1 / 3": (RCPPS, singles(), singles(3.0, 3.0, 3.0, 3.0)),
    "an estimate of 1 / root 0": (RSQRTPS, singles(), singles(0.0, 0.0, -1.0, 3.0)),
}


def bench_of(
    code: bytes, a: bytes, b: bytes, mxcsr: int, *, mode: str = "long64", cr4: int = OSFXSR | OSXMMEXCPT
) -> X86Bench:
    """LDMXCSR and MOVAPS have run; `code` comes next, at START."""
    bench = X86Bench(mode, LDMXCSR + LOAD + code + NOP * 3, rsi=A, rdi=B, rbx=CONTROL, rcx=TO)
    for address, content in ((A, a), (B, b), (CONTROL, struct.pack("<I", mxcsr))):
        bench.memory.write(address, content)
    bench.cpu["cr4"] |= cr4
    bench.cpu["cr0"] = bench.cpu["cr0"] & ~0xC | 2
    bench.step(2)
    return bench


START = CODE + len(LDMXCSR + LOAD)


def control(bench: X86Bench) -> int:
    return int.from_bytes(bench.memory.read(CONTROL, 4), "little")


@pytest.mark.parametrize("mode", ["protected32", "long64"])
@pytest.mark.parametrize("case", CASES)
def test_a_masked_exception_sets_its_flags(case: str, mode: str) -> None:
    code, a, b, flags = CASES[case]
    bench = bench_of(code + STMXCSR, a, b, MASKED, mode=mode)
    bench.step(2)
    assert (bench.vectors, hex(control(bench))) == ([], hex(MASKED | flags))


@pytest.mark.parametrize("case", EXACT)
def test_what_raises_nothing_sets_none(case: str) -> None:
    code, a, b = EXACT[case]
    bench = bench_of(code + STMXCSR, a, b, 0)
    bench.step(2)
    assert (bench.vectors, control(bench)) == ([], 0)


@pytest.mark.parametrize("case", CASES)
def test_an_unmasked_one_is_a_fault_that_leaves_the_destination(case: str) -> None:
    code, a, b, flags = CASES[case]
    unmasked = flags & ~PE or PE
    bench = bench_of(code + NOP, a, b, MASKED & ~(unmasked << 7))
    rax = bench.cpu["rax"]
    bench.step(2)
    assert (bench.vectors, bench.frame().ip, bench.cpu["rax"]) == ([XM], START, rax)
    bench.memory.write(bench.rip, STORE + STMXCSR)
    bench.step(2)
    assert bench.memory.read(TO, 16) == a
    assert control(bench) & unmasked == unmasked


def test_without_osxmmexcpt_it_is_undefined() -> None:
    bench = bench_of(DIVSS, singles(1.0), singles(0.0), MASKED & ~(ZE << 7), cr4=OSFXSR)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([UD], START)


def test_denormals_that_are_zeros_raise_nothing() -> None:
    bench = bench_of(ADDSS + STMXCSR, singles(DENORMAL), singles(1.0), MASKED | DAZ)
    bench.step(2)
    assert control(bench) == MASKED | DAZ


def test_flags_stay_until_they_are_written() -> None:
    code = DIVSS + LOAD + ADDSS + STMXCSR
    bench = bench_of(code, singles(1.0), singles(0.0), MASKED)
    bench.step(4)
    assert control(bench) == MASKED | ZE


def test_a_fault_is_the_same_in_single_steps() -> None:
    a, b = singles(1.0, 2.0, 0.5, 0.25), singles(0.0, 4.0, 2.0, 0.5)
    whole, stepped = (bench_of(ADDPS + DIVPS + NOP, a, b, MASKED & ~(ZE << 7)) for _ in range(2))
    whole.step(3)
    for _ in range(3):
        stepped.step()
    assert whole.vectors == [XM]
    assert (whole.outcome(), whole.machine.trace.hash) == (stepped.outcome(), stepped.machine.trace.hash)


def test_the_destination_of_a_restored_run_is_its_own() -> None:
    """The same instruction once more, at the same count, with another destination."""
    bench = bench_of(LOAD + DIVSS, singles(1.0), singles(0.0), MASKED & ~(ZE << 7))
    before = bench.machine.snapshot()
    for value in (1.0, 2.0, 3.0):
        bench.machine.restore(before)
        bench.memory.write(A, singles(value))
        bench.step(3)
        assert bench.vectors[-1] == XM
        bench.memory.write(bench.rip, STORE)
        bench.step()
        assert bench.memory.read(TO, 4) == struct.pack("<f", value)
