"""Exceptions of the x87: status word, #MF, FERR# (SDM vol. 1 8.1.3, 8.3.11, 8.4 to 8.6, D.2; vol. 3A 2.5, 6.15)."""

from __future__ import annotations

import struct

import pytest

from x86.x86_bench import CODE, DATA, IF, MF, NM, NOP, STACK, X86Bench, handler, le

NE, MP, EM, TS = 1 << 5, 1 << 1, 1 << 2, 1 << 3
IE, DE, ZE, OE, UE, PE, ES, B = 1, 2, 4, 8, 16, 32, 1 << 7, 1 << 15
ALL_MASKED = 0x37F

FNINIT, FNCLEX, FNSTSW_AX, FWAIT, FNOP = (bytes.fromhex(code) for code in ("dbe3", "dbe2", "dfe0", "9b", "d9d0"))
FLD1, FLDZ, FSQRT, FADDP, FDIVP = (bytes.fromhex(code) for code in ("d9e8", "d9ee", "d9fa", "dec1", "def9"))
FLDS, FLDL, FSTPS, FADDS, FISTPS = (bytes.fromhex(code) for code in ("d906", "dd06", "d91f", "d806", "db1f"))
"""Of [ESI] to [EDI]: 32 and 64 bits; FADD m32; FISTP m32."""
FLDCW = bytes.fromhex("d92b")
"""From [EBX]."""


def single(value: float) -> bytes:
    return struct.pack("<f", value)


def double(value: float) -> bytes:
    return struct.pack("<d", value)


CASES = {
    "invalid: the root of -1": (IE, single(-1.0), FLDS + FSQRT),
    "invalid: 0 / 0": (IE, bytes(4), FLDZ + FLDS + FDIVP),
    "invalid: an integer that does not fit": (IE, single(1e20), FLDS + FISTPS),
    "a denormal is loaded": (DE, le(1, 4), FLDS),
    "a denormal is added": (DE, le(1, 4), FLD1 + FADDS),
    "division by zero": (ZE, bytes(4), FLD1 + FLDS + FDIVP),
    "overflow of a store": (OE, double(1e300), FLDL + FSTPS),
    "underflow of a store": (UE, double(1.2345678901234567e-300), FLDL + FSTPS),
    "an inexact sum": (PE, double(2.0**-70), FLD1 + FLDL + FADDP),
}
CPU = {"rsi": DATA, "rdi": DATA + 0x10, "rbx": DATA + 0x20}


def bench_of(
    code: bytes,
    control: int,
    operand: bytes = b"",
    cr0: int = NE,
    mode: str = "protected32",
    flags: int = 0,
    gear: str = "fast",
) -> X86Bench:
    """FNINIT and FLDCW have run; `code` comes next, at START."""
    bench = X86Bench(mode, FNINIT + FLDCW + code + NOP * 4, flags=flags, gear=gear, **CPU)
    bench.memory.write(DATA, operand + bytes(16 - len(operand)))
    bench.memory.write(DATA + 0x20, le(control, 2))
    bench.cpu["cr0"] = bench.cpu["cr0"] & ~(MP | EM | TS | NE) | cr0
    bench.step(2)
    return bench


START = CODE + len(FNINIT + FLDCW)


def steps_of(code: bytes) -> int:
    return len(code) // 2  # each of them has two bytes


@pytest.mark.parametrize("mode", ["protected32", "long64"])
@pytest.mark.parametrize("case", CASES)
def test_a_masked_exception_sets_its_flag(case: str, mode: str) -> None:
    flag, operand, code = CASES[case]
    bench = bench_of(code + FNSTSW_AX, ALL_MASKED, operand, mode=mode)
    bench.step(steps_of(code) + 1)
    assert (bench.vectors, bench.cpu["rax"] & (flag | ES | B)) == ([], flag)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("asks", [FWAIT, FNOP, FLD1, bytes.fromhex("0fefc0")])
def test_an_unmasked_one_is_an_error_of_the_next_instruction_that_asks(case: str, asks: bytes) -> None:
    """FWAIT, FNOP, FLD1, PXOR MM0: a fault (vol. 3A 6.15); NOPs come between."""
    flag, operand, code = CASES[case]
    bench = bench_of(code + NOP * 2 + asks, ALL_MASKED & ~flag, operand)
    bench.step(steps_of(code) + 2)
    assert bench.vectors == []
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([MF], START + len(code) + 2)
    assert bench.cpu["fpsw"] & (flag | ES | B) == flag | ES | B


@pytest.mark.parametrize(
    "code",
    ["dfe0", "dd3f", "d93f", "d937", "dd37", "dbe2", "dbe3", "dbe0", "dbe1", "dbe4", "0f28c1", "660fefc0", "0f57c0"],
)
@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_others_do_not_ask(code: str, gear: str) -> None:
    """FNSTSW, FNSTCW, FNSTENV, FNSAVE, FNCLEX, FNINIT, those that do nothing (vol. 1 8.3.11, 8.3.13), and SSE."""
    error = FLD1 + FLDZ + FDIVP
    bench = bench_of(error + bytes.fromhex(code) + NOP, ALL_MASKED & ~ZE, gear=gear)
    bench.cpu["cr4"] |= 1 << 9
    bench.step(5)
    assert (bench.vectors, bench.rip) == ([], START + 6 + len(code) // 2 + 1)


@pytest.mark.parametrize("clears", [FNCLEX, FNINIT])
def test_a_handler_that_clears_the_error_ends_it(clears: bytes) -> None:
    error = FLD1 + FLDZ + FDIVP
    bench = bench_of(error + FNOP + NOP, ALL_MASKED & ~ZE)
    bench.handler(MF, FNSTSW_AX + clears + b"\xcf")
    bench.step(9)
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([MF], START + 9, STACK)
    assert (bench.cpu["rax"] & (ZE | ES | B), bench.cpu["fpsw"] & (ZE | ES | B)) == (ZE | ES | B, 0)


def test_a_flag_that_fldcw_unmasks_is_an_error_then() -> None:
    """SDM vol. 2A FLDCW."""
    code = FLD1 + FLDZ + FDIVP + NOP + FLDCW + FNOP
    bench = bench_of(code, ALL_MASKED)
    bench.step(4)
    bench.memory.write(DATA + 0x20, le(ALL_MASKED & ~ZE, 2))
    bench.step(3)
    assert (bench.vectors, bench.frame().ip) == ([MF], START + 9)


@pytest.mark.parametrize(("cr0", "code"), [(TS | MP | NE, FWAIT), (TS | NE, FNOP), (EM | NE, FNOP), (TS | NE, FNCLEX)])
def test_no_device_goes_before_an_error(cr0: int, code: bytes) -> None:
    """SDM vol. 3A table 2-2, 6.15 "Interrupt 7"."""
    bench = bench_of(FLD1 + FLDZ + FDIVP + code, ALL_MASKED & ~ZE)
    bench.step(3)
    bench.cpu["cr0"] |= cr0
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([NM], START + 6)


def test_clts_lets_the_error_out() -> None:
    bench = bench_of(FLD1 + FLDZ + FDIVP + bytes.fromhex("0f06") + FNOP, ALL_MASKED & ~ZE)
    bench.step(3)
    bench.cpu["cr0"] |= TS
    bench.step(3)
    assert (bench.vectors, bench.frame().ip) == ([MF], START + 8)


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_stops_and_snapshots_change_nothing(slices: int) -> None:
    error = FLD1 + FLDZ + FDIVP
    bench = bench_of(error + NOP + FNSTSW_AX + FNOP, ALL_MASKED & ~ZE)
    for _ in range(6 // slices):
        bench.machine.restore(bench.machine.snapshot())
        bench.step(slices)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu.count) == ([MF], handler(MF), 9)


# ---- CR0.NE = 0 ----

OUT_F0 = bytes.fromhex("e6f0")
IRQ13 = 0x2D


def test_without_ne_an_error_is_irq_13() -> None:
    """D.2.1: FERR# is high until port F0h is written, whatever the flags are; #MF does not come."""
    bench = bench_of(FLD1 + FLDZ + FDIVP + NOP * 2 + FWAIT + NOP, ALL_MASKED & ~ZE, cr0=0, flags=IF)
    bench.initialise_pic()
    bench.handler(IRQ13, OUT_F0 + FNCLEX + b"\xb0\x20\xe6\xa0\xe6\x20\xcf")  # ...; mov al, 20h; out a0h; out 20h; iret
    bench.step(3)
    assert bench.machine.pic.slave.irr >> 5 & 1
    bench.step(20)
    assert bench.vectors == [IRQ13]
    assert bench.deliveries[0].pc == START + 6
    assert (bench.machine.pic.slave.irr, bench.machine.pic.slave.isr) == (0, 0)
    assert bench.cpu["fpsw"] & (ZE | ES | B) == 0


def test_the_next_error_is_the_next_edge() -> None:
    once = FLD1 + FLDZ + FDIVP
    bench = bench_of(once * 2, ALL_MASKED & ~ZE, cr0=0, flags=IF)
    bench.initialise_pic()
    bench.handler(IRQ13, OUT_F0 + FNCLEX + b"\xb0\x20\xe6\xa0\xe6\x20\xcf")
    bench.step(40)
    assert bench.vectors == [IRQ13, IRQ13]


def test_an_error_that_waits_when_ne_is_set_is_a_fault() -> None:
    """MOV CR0 sets NE; FERR# has done its part."""
    bench = bench_of(FLD1 + FLDZ + FDIVP + FNOP + bytes.fromhex("0f22c0") + FNOP, ALL_MASKED & ~ZE, cr0=0)
    bench.cpu["rax"] = bench.cpu["cr0"] | NE
    bench.step(4)
    assert bench.vectors == []
    bench.step(3)
    assert (bench.vectors, bench.frame().ip) == ([MF], START + 11)
