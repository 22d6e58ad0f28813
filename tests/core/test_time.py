"""Virtual time: instructions begun times a fixed number of nanoseconds, plus what HLT skipped."""

from __future__ import annotations

import pytest
from x86.x86_bench import CODE, FIXED, HLT, IF, JMP_SELF, KERNEL_CODE, NOP, UD2, Frame, X86Bench, handler

INSN_NS = 10


def test_each_instruction_takes_ten_nanoseconds() -> None:
    bench = X86Bench("protected32", NOP * 8)
    assert bench.machine.now_ns == 0
    bench.step(7)
    assert bench.machine.now_ns == 7 * INSN_NS


def test_the_board_says_how_long_an_instruction_takes() -> None:
    bench = X86Bench("protected32", NOP * 8, board=",insn_ns=7")
    bench.step(5)
    assert bench.machine.now_ns == 35


def test_an_instruction_that_faults_counts() -> None:
    """A guest that faults for ever meets its limits all the same."""
    bench = X86Bench("protected32", UD2)
    bench.handler(6, UD2)
    stop = bench.step(10)
    assert (stop.reason, bench.machine.now_ns, len(bench.vectors)) == ("count", 10 * INSN_NS, 10)


def test_a_delivery_takes_no_time() -> None:
    bench = X86Bench("protected32", NOP * 4, flags=IF)
    bench.step(2)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.machine.now_ns == 3 * INSN_NS


@pytest.mark.parametrize(("deadline", "boundary"), [(50, 5), (51, 6), (59, 6), (60, 6), (1, 1)])
def test_a_timer_fires_at_the_first_boundary_at_or_after_its_deadline(deadline: int, boundary: int) -> None:
    """Boundary n comes at n * 10 ns; the interrupt it raises is delivered there."""
    bench = X86Bench("protected32", NOP * 10, flags=IF)
    bench.machine.clock.timer(lambda: bench.external(0x40)).at(deadline)
    bench.step(boundary)
    assert bench.vectors == []
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + boundary, KERNEL_CODE, IF | FIXED)


def test_timers_fire_in_the_order_of_their_deadlines() -> None:
    bench = X86Bench("protected32", NOP * 10)
    order: list[str] = []
    bench.machine.clock.timer(lambda: order.append("late")).at(38)
    bench.machine.clock.timer(lambda: order.append("early")).at(32)
    bench.step(5)
    assert order == ["early", "late"]


def test_a_cancelled_timer_stays_silent() -> None:
    bench = X86Bench("protected32", NOP * 10)
    fired: list[int] = []
    timer = bench.machine.clock.timer(lambda: fired.append(bench.machine.now_ns))
    timer.at(30)
    bench.step()
    timer.cancel()
    bench.step(6)
    assert fired == []


@pytest.mark.parametrize(
    ("hz", "toggles"),
    [
        ((300_000_000, 1), [4, 7, 10, 14, 17, 20]),  # 3 1/3 ns a tick: 3.33, 6.67, 10, 13.33, 16.67, 20
        ((14_318_180, 12), [839, 1677, 2515]),  # an 8254's pulse: 838.095, 1676.190, 2514.286
        ((1_000_000_000, 1), [1, 2, 3]),
    ],
    ids=["a third", "8254", "whole"],
)
def test_a_tick_between_two_nanoseconds_is_late_and_never_early(hz: tuple[int, int], toggles: list[int]) -> None:
    """With an instruction a nanosecond, each has a boundary of its own."""
    bench = X86Bench("protected32", JMP_SELF, board=",insn_ns=1")
    wave = bench.machine.clock.wave(bench.machine.bus.line(5))
    wave.start(origin_ns=0, hz_num=hz[0], hz_den=hz[1], level=False, first_tick=1, high_ticks=1, low_ticks=1)
    bench.step(toggles[-1] + 1)
    assert [event.ns for event in bench.machine.trace.last(4096) if event.kind == "line"][: len(toggles)] == toggles


def test_hlt_jumps_to_the_deadline_and_time_goes_on_from_there() -> None:
    """One HLT at 0-10 ns, then 1234 ns, then one instruction of 10 ns."""
    bench = X86Bench("protected32", HLT, flags=IF)
    bench.machine.clock.timer(lambda: bench.external(0x40)).at(1234)
    bench.machine.run(until=handler(0x40))
    assert bench.machine.now_ns == 1234
    assert bench.cpu.count == 1
    bench.step()
    assert bench.machine.now_ns == 1244


def test_a_second_timer_is_met_on_the_shifted_time() -> None:
    """Boundaries are then at 1234 + n * 10 ns: 1260 is between the second and the third."""
    bench = X86Bench("protected32", HLT + NOP, flags=IF)
    fired: list[int] = []
    bench.machine.clock.timer(lambda: bench.external(0x40)).at(1234)
    bench.machine.clock.timer(lambda: fired.append(bench.machine.now_ns)).at(1260)
    bench.step(5)
    assert fired == [1264]


def test_the_instruction_limit_counts_from_power_on() -> None:
    bench = X86Bench("protected32", NOP * 20)
    bench.machine.limit(insns=6)
    bench.step(4)
    stop = bench.machine.run()
    assert (stop.reason, stop.exit_status, bench.rip) == ("limit", 124, CODE + 6)


@pytest.mark.parametrize(("limit", "insns"), [(60, 6), (61, 7)])
def test_the_time_limit_stops_at_the_first_boundary_at_or_after_it(limit: int, insns: int) -> None:
    bench = X86Bench("protected32", NOP * 20)
    bench.machine.limit(virtual_ns=limit)
    stop = bench.machine.run()
    assert (stop.reason, bench.rip) == ("limit", CODE + insns)


def test_a_halted_cpu_sleeps_no_longer_than_the_time_limit() -> None:
    """The deadline beyond it does not fire."""
    bench = X86Bench("protected32", HLT, flags=IF)
    bench.machine.clock.timer(lambda: bench.external(0x40)).at(5000)
    bench.machine.limit(virtual_ns=3000)
    stop = bench.machine.run()
    assert (stop.reason, bench.machine.now_ns, bench.vectors) == ("limit", 3000, [])
