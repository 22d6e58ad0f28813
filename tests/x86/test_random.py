"""RDRAND and RDSEED (SDM vol. 2B): random numbers of the machine's seed, and never of the host."""

from __future__ import annotations

import pytest

from x86.x86_bench import CF, CODE, OF, TF, UD, X86Bench

FIRST, SECOND = 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4
"""Of SplitMix64 with seed 0, as published with it."""
ARITHMETIC = 0x8D5
RDRAND_ECX, RDSEED_ECX = b"\x0f\xc7\xf1", b"\x0f\xc7\xf9"
BOTH = pytest.mark.parametrize("code", [RDRAND_ECX, RDSEED_ECX])
MODEL = "default,+rdrand,+rdseed"


@BOTH
@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_a_number_comes_and_carry_says_so(code: bytes, mode: str, gear: str) -> None:
    """CF 1, and OF, SF, ZF, AF and PF are 0. A register of 16 bits in real mode, of 32 else."""
    bench = X86Bench(mode, code * 2, model=MODEL, gear=gear, flags=ARITHMETIC, rcx=0x55555555)
    size = 0xFFFF if mode == "real" else 0xFFFFFFFF
    for begun, number in enumerate((FIRST, SECOND), 1):
        bench.step()
        assert (bench.vectors, bench.rip, bench.cpu["rflags"] & ARITHMETIC) == ([], CODE + 3 * begun, CF)
        assert bench.cpu["rcx"] == number & size | 0x55555555 & ~size


@pytest.mark.parametrize(
    ("code", "register", "value"),
    [
        (b"\x49\x0f\xc7\xf0", "r8", FIRST),
        (b"\x66\x0f\xc7\xf0", "rax", 0x1111111111110000 | FIRST & 0xFFFF),
        (b"\x41\x0f\xc7\xff", "r15", FIRST & 0xFFFFFFFF),
    ],
)
def test_of_the_operands_width(code: bytes, register: str, value: int) -> None:
    """REX.W: 64 bits; 66: 16, and what is above stays; else 32, and what is above is 0 (vol. 1 3.4.1.1)."""
    bench = X86Bench("long64", code, model=MODEL, rax=0x1111111111111111, r15=-1 & 0xFFFFFFFFFFFFFFFF)
    bench.step()
    assert (bench.vectors, bench.cpu[register]) == ([], value)


@pytest.mark.parametrize(
    ("code", "model"),
    [
        (RDRAND_ECX, "default,-rdrand,+rdseed"),
        (RDSEED_ECX, "default,+rdrand"),
        (b"\xf0" + RDRAND_ECX, MODEL),
        (b"\xf3" + RDRAND_ECX, MODEL),
        (b"\xf2" + RDSEED_ECX, MODEL),
        (b"\x0f\xc7\x35\x00\xf0\x00\x00", MODEL),
    ],
    ids=["no RDRAND", "no RDSEED", "LOCK", "F3", "F2", "memory"],
)
def test_undefined(code: bytes, model: str) -> None:
    """Without the feature, with LOCK, F2 or F3, and of memory, where other instructions are that no model has."""
    bench = X86Bench("protected32", code, model=model)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([UD], CODE)


def test_another_seed_another_number() -> None:
    numbers = set()
    for seed in (0, 1, 1, 2):
        bench = X86Bench("long64", b"\x48" + RDRAND_ECX, model=MODEL, seed=seed)
        bench.step()
        numbers.add(bench.cpu["rcx"])
    assert len(numbers) == 3


@BOTH
def test_it_is_single_stepped_as_any_other(code: bytes) -> None:
    bench = X86Bench("protected32", code, model=MODEL, flags=TF | OF)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([1], CODE + 3)
