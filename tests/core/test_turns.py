"""Whose turn it is: plain round robin with seed 0, drawn turns with another; each run repeatable, on any host."""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby, islice
from pathlib import Path

import pytest
from models.splitmix64 import splitmix64

from core.smp_guests import ARCHITECTURES, machine, run_until_started
from vmm import Elapsed
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot

QUANTUM = 50
SPIN, JMP_SELF = 0x1000, bytes.fromhex("ebfe")

both = pytest.mark.parametrize("architecture", ARCHITECTURES)


def turns(built: Machine, count: int) -> list[tuple[int, int]]:
    """(vCPU, instructions) of turns, looked at one instruction at a time; the last, which is not whole, is left out."""
    who, before = [], [cpu.count for cpu in built.cpus]
    for _ in range(count):
        built.run(insns=1)
        now = [cpu.count for cpu in built.cpus]
        who.append(next(n for n, (old, new) in enumerate(zip(before, now, strict=True)) if new != old))
        before = now
    return [(cpu, len(list(run))) for cpu, run in groupby(who)][:-1]


@both
def test_seed_0_is_plain_round_robin_of_one_quantum_each(architecture: str) -> None:
    built = machine("spin", architecture, smp=3, quantum=QUANTUM)
    run_until_started(built)
    seen = turns(built, 10 * QUANTUM)[1:]
    first = seen[0][0]
    assert len(seen) >= 8
    assert seen == [((first + n) % 3, QUANTUM) for n in range(len(seen))]


def expected_turns(seed: int, quantum: int, count: int) -> list[int]:
    """One quantum, and from none to one more of the seed's next draw."""
    return [quantum + draw % (quantum + 1) for draw in islice(splitmix64(seed), count)]


@pytest.mark.parametrize("seed", [1, 7, 0xDEADBEEF, (1 << 64) - 1])
@pytest.mark.parametrize("quantum", [3, QUANTUM])
def test_another_seed_draws_turns_of_one_to_two_quanta(seed: int, quantum: int) -> None:
    """Two vCPUs that jump to themselves from the first instruction on, in as many turns as there are draws."""
    built = Machine(Config(memory=MIB, smp=2, board=f"pc,pit=off,quantum={quantum}", seed=seed))
    built.memory.write(SPIN, JMP_SELF)
    for cpu in built.cpus:
        cpu.enter_protected32(SPIN, {})
        cpu._native.off = 0
    expected = expected_turns(seed, quantum, 60)
    if quantum == 3:
        assert {3, 6} <= set(expected), "both bounds are drawn"
    assert turns(built, sum(expected) + 1) == [(n % 2, length) for n, length in enumerate(expected)]


@both
def test_a_turn_is_drawn_for_each_vcpu_that_comes_next(architecture: str) -> None:
    built = machine("spin", architecture, smp=3, quantum=QUANTUM, seed=7)
    run_until_started(built)
    seen = turns(built, 30 * QUANTUM)[1:]
    assert len(seen) > 15
    assert [cpu for cpu, _ in seen] == [(seen[0][0] + n) % 3 for n in range(len(seen))]


@both
def test_a_preempted_vcpu_goes_on_with_what_was_left_of_its_turn(architecture: str) -> None:
    built = machine("spin", architecture, smp=3, quantum=QUANTUM)
    run_until_started(built)
    while built.position.vcpu != 0 or turns_left(built) != 20:
        built.run(insns=1)
    built.turn(2)
    assert built.position.vcpu == 2
    assert turns(built, 50 + 20 + 2 * QUANTUM + 1) == [(2, QUANTUM), (0, 20), (1, QUANTUM), (2, QUANTUM)]


def turns_left(built: Machine) -> int:
    """Instructions of the current turn."""
    return int(built.cpu._native.turn_end - built.cpu.count)


@both
def test_a_turn_goes_to_nobody_who_sleeps_is_off_or_is_not_there(architecture: str) -> None:
    built = machine("sleep", architecture)
    built.run(insns=2_000)
    before = built.position
    for cpu, why in ((1, "sleeps or is off"), (2, "not among 0-1")):
        with pytest.raises(VmmError, match=why):
            built.turn(cpu)
    built.turn(0)
    assert built.position == before


Outcome = tuple[str, int, list[int], int, int]


def outcome(built: Machine) -> Outcome:
    counts = [cpu.count for cpu in built.cpus]
    return built.trace.hash, built.now_ns, counts, built.u32("counter"), built.u32("last")


def race(architecture: str, seed: int, *, observe: bool = False) -> Outcome:
    """How a racing guest stands after 20,000 instructions."""
    built = machine("race", architecture, smp=3, quantum=QUANTUM, seed=seed)
    if observe:
        built.trace.observe(lambda event: None)
    built.run(insns=20_000)
    return outcome(built)


@pytest.mark.slow
@both
def test_seeds_give_different_interleavings_and_each_is_repeatable(architecture: str) -> None:
    """The race loses other increments, so that its counter shows who came between whom."""
    outcomes = [race(architecture, seed) for seed in range(6)]
    assert [race(architecture, seed) for seed in range(6)] == outcomes
    assert len({counter for *_, counter, _ in outcomes}) == 6


@both
@pytest.mark.parametrize("seed", [0, 3])
def test_recording_changes_nothing(architecture: str, seed: int) -> None:
    assert race(architecture, seed, observe=True) == race(architecture, seed)


@both
@pytest.mark.parametrize("seed", [0, 3])
def test_a_run_in_slices_is_the_run_in_one_piece(architecture: str, seed: int) -> None:
    built = machine("race", architecture, smp=3, quantum=QUANTUM, seed=seed)
    for _ in range(2857):
        built.run(insns=7)
    built.run(insns=1)
    assert built.instructions == 20_000
    assert outcome(built) == race(architecture, seed)


def in_a_process(program: str, *arguments: str) -> str:
    """What it prints; it has 30 seconds."""
    command = [sys.executable, "-c", program, *arguments]
    tests = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd=tests)
    return done.stdout.strip()


RACE = """
import sys
from core.test_turns import race
print(race(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.slow
@both
def test_another_process_has_the_same_trace_hash(architecture: str) -> None:
    for seed in (0, 3):
        assert in_a_process(RACE, architecture, str(seed)) == str(race(architecture, seed))


@both
def test_a_vcpu_that_waits_costs_nothing(architecture: str) -> None:
    built = machine("sleep", architecture, smp=3, quantum=QUANTUM)
    built.run(insns=2_000)
    asleep, begun, time = [cpu.count for cpu in built.cpus[1:]], built.cpu.count, built.now_ns
    assert all(cpu.halted for cpu in built.cpus[1:])
    built.run(insns=10_000)
    assert [cpu.count for cpu in built.cpus[1:]] == asleep
    assert built.cpu.count - begun == 10_000
    assert built.now_ns - time == 10_000 * 10


@both
@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_who_is_woken_has_the_turn_where_that_of_who_was_alone_ends(architecture: str, gear: str) -> None:
    """While the others sleep, one turn of a quantum follows another, wherever the run stops meanwhile."""
    built = machine("sleep", architecture, quantum=QUANTUM, gear=gear)
    built.run(insns=2_000)
    while turns_left(built):
        built.run(insns=1)
    before, asleep = built.snapshot(), built.cpus[1].count
    for alone in (1, QUANTUM - 1, QUANTUM, QUANTUM + 1, 7 * QUANTUM, 7 * QUANTUM + 20, 3_000 * QUANTUM + 49):
        built.restore(before)
        built.run(insns=alone)
        left = -alone % QUANTUM
        assert turns_left(built) == left
        built.cpus[1].serror()
        built.run(insns=left)
        assert built.cpus[1].count == asleep
        built.run(insns=1)
        assert built.cpus[1].count == asleep + 1


@pytest.mark.parametrize("gear", ["precise", "fast"])
@pytest.mark.parametrize("alone", [1, QUANTUM, QUANTUM + 1, 40 * QUANTUM + 7])
def test_an_nmi_that_wakes_another_one_waits_for_the_end_of_the_turn(alone: int, gear: str) -> None:
    """It has no IDT, so its turn begins with a shutdown."""
    built = Machine(Config(memory=MIB, smp=2, board=f"pc,pit=off,quantum={QUANTUM}", gear=gear))
    built.memory.write(SPIN, JMP_SELF)
    for cpu in built.cpus:
        cpu.enter_protected32(SPIN, {})
        cpu._native.off = 0
    built.cpus[1]._native.halted = 1
    built.run(insns=alone)
    built.nmi(1)
    stop = built.run(insns=10 * QUANTUM)
    assert (stop.reason, stop.vcpu) == ("shutdown", 1)
    assert built.instructions == -(-alone // QUANTUM) * QUANTUM


WAKE = """
import sys
from core.smp_guests import machine
built = machine("sleep", sys.argv[1])
built.run(insns=2_000)
assert built.cpus[1].halted
built.cpu.write(built.address("variables"), bytes(4))
built.cpus[1].serror()
built.run(insns=1_000)
assert built.cpus[1].count > 10, built.cpus[1].count
"""


@pytest.mark.slow
@both
def test_a_vcpu_that_waits_wakes_though_memory_was_written_meanwhile(architecture: str) -> None:
    """In a process of its own, for what is wrong would hang."""
    in_a_process(WAKE, architecture)


@both
def test_a_vcpu_that_nobody_starts_stays_off(architecture: str) -> None:
    built = machine("spin", architecture, smp=3)
    built.cpu["pc"] = built.address("worker")
    built.run(insns=5_000)
    assert [cpu.off for cpu in built.cpus] == [False, True, True]
    assert [cpu.count for cpu in built.cpus] == [5_000, 0, 0]


@both
def test_the_instruction_limit_counts_what_all_vcpus_begin(architecture: str) -> None:
    built = machine("spin", architecture, smp=3, quantum=QUANTUM)
    built.limit(insns=3_333)
    stop = built.run()
    assert stop.reason == "limit"
    assert built.instructions == sum(cpu.count for cpu in built.cpus) == 3_333
    assert all(cpu.count > 800 for cpu in built.cpus)


@both
def test_a_count_of_instructions_to_run_counts_them_too(architecture: str) -> None:
    built = machine("spin", architecture, smp=3, quantum=QUANTUM)
    run_until_started(built)
    before = sum(cpu.count for cpu in built.cpus)
    assert built.run(insns=1_234).reason == "count"
    assert sum(cpu.count for cpu in built.cpus) - before == 1_234


@both
def test_a_breakpoint_stops_whichever_vcpu_comes_there(architecture: str) -> None:
    built = machine("meet", architecture, smp=3)
    stop = built.run(until="second", insns=10_000)
    assert (stop.reason, stop.vcpu, stop.address) == ("breakpoint", 1, built.address("second"))
    assert built.cpus[1].pc == built.address("second")
    assert built.run(insns=1_000).reason == "count"


# ---- the bundled guests ----

SEEDS, RUNS = range(5), 3
GUESTS = {
    "x86/ap_startup": 5, "x86/ipi_ping_pong": 1, "x86/lowest_priority": 5, "x86/nmi_broadcast": 2,
    "x86/ipi_shootdown": 2, "arm/sgi_ping_pong": 5, "arm64/sgi_ping_pong": 5,
}  # fmt: skip
"""How many different runs the seeds give at least: where each vCPU waits for the other, events have but one order."""


@pytest.mark.slow
@pytest.mark.parametrize("guest", GUESTS)
def test_each_seed_of_a_bundled_guest_has_one_trace_hash_in_all_its_runs(guest: str) -> None:
    """A hundred runs and five, over all guests."""
    hashes: list[set[str]] = []
    for seed in SEEDS:
        hashes.append(set())
        for _ in range(RUNS):
            built = boot(guest, seed=seed)
            assert (built.config.smp > 1, built.run().exit_status) == (True, 0)
            hashes[-1].add(built.trace.hash)
    assert [len(of_one_seed) for of_one_seed in hashes] == [1] * len(SEEDS)
    assert len(set.union(*hashes)) >= GUESTS[guest]


@pytest.mark.parametrize("name", ["x86/ipi_ping_pong", "arm64/sgi_ping_pong"])
def test_a_run_that_stops_at_every_wake_up_has_the_same_turns(name):
    """A stop leaves no trace, not even where what it stops at wakes a vCPU."""

    def run(step_ns):
        m = boot(name)
        while m.run(until=Elapsed(ns=step_ns) if step_ns else None).reason == "elapsed":
            pass
        return m.trace.hash, m.instructions, m.now_ns

    wakes = 10_007_697  # the first tick of the pc's 8254
    assert run(wakes) == run(7_919) == run(None)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_stop_between_an_exclusive_load_and_its_store_moves_no_turn(architecture: str) -> None:
    """A turn that is over waits for the store, whether the run stops before it or not (DDI0487 B2.9, DDI0406 A3.4)."""
    m = machine("exclusive", architecture, quantum=7)
    run_until_started(m)
    start, before = m.instructions, m.snapshot()

    def outcome(*stops: int) -> tuple[list[int], list[int], bytes]:
        m.restore(before)
        for insns in (*stops, 600 - sum(stops)):
            m.run(insns=insns)
        assert m.instructions == start + 600
        return [cpu.count for cpu in m.cpus], [cpu.pc for cpu in m.cpus], m.memory.read(m.memory.base, 1 << 20)

    whole = outcome()
    assert [stop for stop in range(1, 120) if outcome(stop) != whole] == []
