"""RDPMC and AMD's performance counters (SDM vol. 2B RDPMC; AMD APM vol. 2 13.2, vol. 3 RDPMC)."""

from __future__ import annotations

import pytest

from x86.x86_bench import CODE, GP, RDMSR, TF, WRMSR, X86Bench

RDPMC = b"\x0f\x33"
PCE = 1 << 8
PERF_EVT_SEL_0, PERF_CTR_0 = 0xC0010000, 0xC0010004


@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
@pytest.mark.parametrize("counter", range(4))
def test_it_reads_what_was_written_to_the_counter(mode: str, counter: int) -> None:
    """48 bits; RAX and RDX are cleared above 31."""
    bench = X86Bench(mode, WRMSR + RDPMC, rcx=PERF_CTR_0 + counter, rax=0x89ABCDEF, rdx=0x1234)
    bench.step()
    bench.cpu["rcx"], bench.cpu["rax"], bench.cpu["rdx"] = counter, 0xFFFFFFFF, 0xFFFFFFFF
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 4)
    assert (bench.cpu["rax"], bench.cpu["rdx"]) == (0x89ABCDEF, 0x1234)


@pytest.mark.parametrize("msr", range(PERF_EVT_SEL_0, PERF_CTR_0 + 4))
def test_each_of_amds_registers_keeps_what_is_written(msr: int) -> None:
    bench = X86Bench("protected32", WRMSR + RDMSR, rcx=msr, rax=0x530076, rdx=0)
    bench.step()
    bench.cpu["rax"] = 0
    bench.step()
    assert (bench.vectors, bench.cpu["rax"]) == ([], 0x530076)


@pytest.mark.parametrize(
    ("model", "counter"), [("default", 4), ("default", 0x40000000), ("haswell", 0), ("haswell", 0x40000000)]
)
def test_a_counter_that_is_not_there_is_a_general_protection_fault(model: str, counter: int) -> None:
    bench = X86Bench("long64", RDPMC, model=model, rcx=counter)
    bench.step(2)
    assert (bench.vectors, bench.frame(error=True).ip, bench.frame(error=True).error) == ([GP], CODE, 0)


@pytest.mark.parametrize("mode", ["protected32", "paged32", "long64", "compat32"])
@pytest.mark.parametrize(("pce", "vectors"), [(0, [GP]), (PCE, [])])
def test_a_user_may_where_cr4_says_so(mode: str, pce: int, vectors: list[int]) -> None:
    bench = X86Bench(mode, RDPMC, ring=3, rcx=0, rax=1)
    bench.cpu["cr4"] |= pce
    bench.step(2)
    assert (bench.vectors, bench.cpu["rax"]) == (vectors, 1 if vectors else 0)
    if vectors:
        assert (bench.frame(error=True, outer=True).ip, bench.frame(error=True, outer=True).error) == (CODE, 0)


def test_it_is_single_stepped_as_any_other() -> None:
    bench = X86Bench("protected32", RDPMC, flags=TF, rcx=0)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([1], CODE + 2)
