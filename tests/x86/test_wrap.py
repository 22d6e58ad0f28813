"""EIP has 32 bits outside 64-bit mode, and a segment's base is added to it: behind FFFFFFFFh comes 0 (SDM vol. 1 3.5,
vol. 3A 3.3.4). Unicorn goes on above it, or below 0, as long as its block lasts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from x86.x86_bench import CODE, GP, X86Bench

NOPS, BAD_DS, JMP_BACK = b"\x90" * 3, b"\x8e\xdb", b"\xeb\xf0"
BEYOND_GDT = 0xFFF8
WAYS = pytest.mark.parametrize("steps", [(8,), (1,) * 8], ids=["in one piece", "in steps"])


def bench_at(eip: int, code: bytes, base: int) -> X86Bench:
    """In a code segment that begins at `base`, so that EIP leads to CODE where it says FFFFFFFEh."""
    bench = X86Bench("protected32", b"", rbx=BEYOND_GDT)
    bench.memory.write((base + eip) & 0xFFFFFFFF, code)
    segment = bench.cpu.segment("cs")
    bench.cpu.set_segment("cs", replace(segment, base=base))
    bench.cpu["rip"] = eip
    return bench


@WAYS
def test_a_block_that_runs_over_the_top_goes_on_at_0(steps: tuple[int, ...]) -> None:
    """NOPs at FFFFFFFEh, FFFFFFFFh and 0, and at 1 MOV DS, BX, whose frame says so: the fourth instruction, once."""
    bench = bench_at(0xFFFFFFFE, NOPS + BAD_DS, CODE + 2)
    for count in steps:
        bench.step(count)
    (event,) = bench.deliveries
    assert (event.number, event.insns, event.error) == (GP, 4, BEYOND_GDT)
    assert bench.frame(error=True).ip == 1
    assert bench.vectors == [GP]


@WAYS
def test_a_branch_below_0_goes_on_at_the_top(steps: tuple[int, ...]) -> None:
    """JMP -16 at 0 ends at 2: EIP is FFFFFFF2h, where the MOV DS is."""
    bench = bench_at(0, JMP_BACK, CODE + 0x20)
    bench.memory.write(CODE + 0x20 - 14, BAD_DS)
    for count in steps:
        bench.step(count)
    assert bench.vectors == [GP]
    assert bench.frame(error=True).ip == 0xFFFFFFF2


def test_where_it_stands_is_told_in_32_bits() -> None:
    bench = bench_at(0, JMP_BACK, CODE + 0x20)
    bench.step()
    assert (bench.cpu["rip"], bench.cpu.pc) == (0xFFFFFFF2, CODE + 0x20 - 14)
