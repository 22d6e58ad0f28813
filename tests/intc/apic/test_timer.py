"""Rule 15: the local APIC's timer (Intel SDM vol. 3A 11.5.4). A bus tick is 1 ns, an instruction 10."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    DEADLINE,
    DIVIDE_BY_1,
    DIVIDE_BY_16,
    ESR,
    LVT_TIMER,
    MASKED,
    PERIODIC,
    SVR,
    TIMER_CURRENT,
    TIMER_DIVIDE,
    TIMER_INITIAL,
    TPR,
    TSC,
    TSC_DEADLINE,
    ApicBench,
    vectors,
)  # fmt: skip
from vmm.core.native import lib

VECTOR = 0x40


@pytest.fixture
def bench() -> ApicBench:
    bench = ApicBench()
    bench.apic.write(TIMER_DIVIDE, DIVIDE_BY_1)
    bench.apic.write(LVT_TIMER, VECTOR)
    bench.run(1)
    return bench


def left(bench: ApicBench) -> int:
    return bench.apic.read(TIMER_CURRENT)


def deadline_in(bench: ApicBench, ns: int) -> int:
    tsc = bench.apic.rdmsr(TSC)
    assert tsc is not None
    assert bench.apic.wrmsr(TSC_DEADLINE, tsc + ns)
    return tsc + ns


def test_one_shot_counts_down_once(bench: ApicBench) -> None:
    """The count moves, reaches 0, interrupts once and stays at 0."""
    bench.apic.write(TIMER_INITIAL, 1000)
    assert left(bench) == 1000
    bench.pass_ns(400)
    assert left(bench) == 600
    bench.pass_ns(590)
    assert (left(bench), bench.apic.state.irr) == (10, vectors())
    bench.pass_ns(20)
    assert (left(bench), bench.apic.serve()) == (0, [VECTOR])
    bench.pass_ns(3000)
    assert (left(bench), bench.apic.serve()) == (0, [])
    assert bench.apic.read(TIMER_INITIAL) == 1000


def test_periodic_reloads_and_goes_on(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1000)
    served = []
    for _ in range(3):
        bench.pass_ns(1000)
        bench.run(1)
        served += bench.apic.serve()
    assert served == [VECTOR] * 3
    assert left(bench) == 970


@pytest.mark.parametrize(
    ("code", "divisor"), [(0xB, 1), (0x0, 2), (0x1, 4), (0x2, 8), (0x3, 16), (0x8, 32), (0x9, 64), (0xA, 128)]
)
def test_every_value_of_the_divider(bench: ApicBench, code: int, divisor: int) -> None:
    """Figure 11-10"""
    bench.apic.write(TIMER_DIVIDE, code)
    bench.apic.write(TIMER_INITIAL, 100)
    bench.pass_ns(10 * divisor)
    assert left(bench) == 90
    bench.pass_ns(90 * divisor - 10)
    assert bench.apic.state.irr == vectors()
    bench.pass_ns(20)
    assert bench.apic.state.irr == vectors(VECTOR)


def test_a_count_that_is_not_a_multiple_of_an_instruction_is_never_early(bench: ApicBench) -> None:
    bench.apic.write(TIMER_INITIAL, 1005)
    bench.pass_ns(1000)
    assert bench.apic.state.irr == vectors(), "the boundary at 1000 ns is too early"
    bench.run(1)
    assert bench.apic.state.irr == vectors(VECTOR)


def test_writing_zero_stops_it(bench: ApicBench) -> None:
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(500)
    bench.apic.write(TIMER_INITIAL, 0)
    assert left(bench) == 0
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()


def test_writing_the_initial_count_starts_over(bench: ApicBench) -> None:
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(900)
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(900)
    assert (left(bench), bench.apic.state.irr) == (100, vectors())


def test_while_masked_it_counts_and_what_it_would_have_said_is_lost(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, MASKED | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(600)
    assert left(bench) == 400
    bench.pass_ns(600)
    assert left(bench) == 0
    bench.apic.write(LVT_TIMER, VECTOR)
    bench.run(5)
    assert bench.apic.state.irr == vectors()


def test_a_masked_periodic_timer_keeps_its_phase(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, PERIODIC | MASKED | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(3300)
    assert left(bench) == 700
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.pass_ns(690)
    assert bench.apic.state.irr == vectors()
    bench.pass_ns(20)
    assert bench.apic.state.irr == vectors(VECTOR)


def test_between_one_shot_and_periodic_the_count_goes_on(bench: ApicBench) -> None:
    """11.5.4: the mode may change at any time; the count is not reloaded, and it does not start from 0."""
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(300)
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    assert left(bench) == 700
    bench.pass_ns(700)
    bench.run(1)
    assert bench.apic.serve() == [VECTOR]
    assert left(bench) == 990
    bench.apic.write(LVT_TIMER, VECTOR)
    bench.pass_ns(2000)
    assert (left(bench), bench.apic.serve()) == (0, [VECTOR])
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.pass_ns(2000)
    assert (left(bench), bench.apic.serve()) == (0, [])


def test_a_new_divider_keeps_the_count_and_changes_its_pace(bench: ApicBench) -> None:
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(400)
    bench.apic.write(TIMER_DIVIDE, DIVIDE_BY_16)
    assert left(bench) == 600
    bench.pass_ns(1600)
    assert left(bench) == 500


def test_ticks_that_nobody_takes_collapse_into_one(bench: ApicBench) -> None:
    """A storm: a tick every nanosecond, and interrupts disabled. One waits, and one more after INTA."""
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1)
    bench.pass_ns(100000)
    assert bench.apic.inta() == VECTOR
    bench.run(2)
    assert bench.apic.state[:2] == (vectors(VECTOR), vectors(VECTOR))
    assert len(bench.events("pending")) == 2


def test_a_periodic_tick_is_not_lost_while_interrupts_are_held_back(bench: ApicBench) -> None:
    """The tick waits in IRR until TPR falls, and the next one comes on its own time."""
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.apic.write(TPR, 0xF0)
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.pass_ns(2500)
    bench.apic.write(TPR, 0)
    assert bench.apic.serve() == [VECTOR]
    assert left(bench) == 500
    bench.pass_ns(100)
    assert bench.apic.serve() == [], "the second tick had collapsed into the first"
    bench.pass_ns(410)
    assert bench.apic.serve() == [VECTOR]


def test_a_hlt_without_anything_that_wakes_is_idle_however_fast_the_timer(bench: ApicBench) -> None:
    """No hang: the vector waits behind TPR for ever."""
    bench.apic.write(TPR, 0xF0)
    bench.apic.write(LVT_TIMER, PERIODIC | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1)
    bench.code(b"\xf4", interrupts=True)
    assert bench.run(100) == lib.VMM_STOP_IDLE


def test_hlt_sleeps_until_the_timer(bench: ApicBench) -> None:
    """Rule 7: time jumps to the deadline; the handler finds RIP after HLT."""
    bench.code(b"\xf4", interrupts=True)
    before = lib.vmm_now(bench.machine)
    bench.apic.write(TIMER_INITIAL, 1_000_000)
    bench.run(2)
    assert bench.delivered() == [VECTOR]
    assert lib.vmm_now(bench.machine) - before == 1_000_010
    assert bench.ram[0x7FFA:0x7FFC] == b"\x01\x10"


# ---- TSC-deadline ----


def test_tsc_deadline_fires_once_when_the_tsc_reaches_it_and_reads_0_afterwards(bench: ApicBench) -> None:
    """11.5.4.1"""
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    deadline = deadline_in(bench, 1000)
    assert bench.apic.rdmsr(TSC_DEADLINE) == deadline
    bench.pass_ns(990)
    assert bench.apic.state.irr == vectors()
    bench.pass_ns(10)
    assert bench.apic.serve() == [VECTOR]
    assert bench.apic.rdmsr(TSC_DEADLINE) == 0
    bench.pass_ns(3000)
    assert bench.apic.serve() == []


def test_a_deadline_in_the_past_fires_at_once(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    bench.pass_ns(100)
    assert bench.apic.wrmsr(TSC_DEADLINE, 1)
    bench.run(1)
    assert bench.apic.serve() == [VECTOR]


def test_writing_0_disarms_the_deadline(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    deadline_in(bench, 1000)
    bench.apic.wrmsr(TSC_DEADLINE, 0)
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()


def test_a_deadline_that_never_comes_does_not_wrap(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    bench.pass_ns(1000)
    bench.apic.wrmsr(TSC, 0)
    bench.apic.wrmsr(TSC_DEADLINE, 0xFFFFFFFFFFFFFFFF)
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()
    assert bench.apic.rdmsr(TSC_DEADLINE) == 0xFFFFFFFFFFFFFFFF


def test_in_deadline_mode_the_initial_count_is_ignored_and_the_current_one_is_0(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    bench.apic.write(TIMER_INITIAL, 1000)
    assert left(bench) == 0
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()


def test_in_the_other_modes_the_deadline_is_ignored_and_reads_0(bench: ApicBench) -> None:
    bench.apic.wrmsr(TSC_DEADLINE, 500)
    assert bench.apic.rdmsr(TSC_DEADLINE) == 0
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()


def test_to_and_from_deadline_mode_the_timer_is_disarmed(bench: ApicBench) -> None:
    """11.5.4.1"""
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()
    deadline_in(bench, 1000)
    bench.apic.write(LVT_TIMER, VECTOR)
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    assert bench.apic.rdmsr(TSC_DEADLINE) == 0
    bench.pass_ns(2000)
    assert bench.apic.state.irr == vectors()


def test_a_tsc_that_is_moved_moves_the_deadline(bench: ApicBench) -> None:
    """It is the TSC that is compared (11.5.4.1)."""
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    deadline = deadline_in(bench, 100_000)
    bench.apic.wrmsr(TSC, deadline - 50)
    bench.pass_ns(50)
    bench.run(1)
    assert bench.apic.serve() == [VECTOR]


def test_a_masked_deadline_passes_silently(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, DEADLINE | MASKED | VECTOR)
    deadline_in(bench, 100)
    bench.pass_ns(200)
    bench.apic.write(LVT_TIMER, DEADLINE | VECTOR)
    bench.run(2)
    assert (bench.apic.rdmsr(TSC_DEADLINE), bench.apic.serve()) == (0, [])


def test_the_reserved_mode_counts_nothing(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, PERIODIC | DEADLINE | VECTOR)
    bench.apic.write(TIMER_INITIAL, 100)
    assert left(bench) == 0
    bench.pass_ns(500)
    assert bench.apic.state.irr == vectors()


def test_software_disable_silences_the_timer_and_not_its_count(bench: ApicBench) -> None:
    bench.apic.write(TIMER_INITIAL, 1000)
    bench.apic.write(SVR, 0xFF)
    bench.pass_ns(500)
    assert left(bench) == 500
    bench.pass_ns(1000)
    bench.apic.enable()
    bench.run(2)
    assert (left(bench), bench.apic.state.irr) == (0, vectors())


def test_an_illegal_timer_vector_is_an_error_each_time_esr_was_cleared(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, PERIODIC | 0x0F)
    bench.apic.write(TIMER_INITIAL, 100)
    for _ in range(2):
        bench.pass_ns(500)
        bench.apic.write(ESR, 0)
        assert bench.apic.read(ESR) == 0x40


def test_an_illegal_tick_before_esr_is_written_is_not_told_after_it(bench: ApicBench) -> None:
    bench.apic.write(LVT_TIMER, 0x0F)
    for _ in range(2):
        bench.apic.write(TIMER_INITIAL, 10)
        bench.pass_ns(50)
    for expected in (0x40, 0):
        bench.apic.write(ESR, 0)
        assert bench.apic.read(ESR) == expected
        bench.pass_ns(50)


def test_a_tick_after_a_level_of_its_vector_makes_it_an_edge(bench: ApicBench) -> None:
    """11.8.4: TMR is updated at each acceptance, though IRR is set already."""
    bench.apic.write(TIMER_INITIAL, 500)
    bench.msi(0xC000 | VECTOR)
    assert bench.apic.state.tmr == vectors(VECTOR)
    bench.pass_ns(510)
    assert bench.apic.state == (vectors(VECTOR), vectors(), vectors())


def test_each_vcpu_has_a_timer_of_its_own() -> None:
    bench = ApicBench(2)
    for apic, count in zip(bench.apics, (300, 700), strict=True):
        apic.write(TIMER_DIVIDE, DIVIDE_BY_1)
        apic.write(LVT_TIMER, VECTOR + count // 100)
        apic.write(TIMER_INITIAL, count)
    bench.pass_ns(310)
    assert [apic.state.irr for apic in bench.apics] == [vectors(0x43), vectors()]
    bench.pass_ns(400)
    assert [apic.state.irr for apic in bench.apics] == [vectors(0x43), vectors(0x47)]
