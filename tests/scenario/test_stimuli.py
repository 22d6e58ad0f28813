"""Stimuli: when each kind pulses, by hand and by models of its own, what counts as requested, and how they end."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, islice

import pytest
from arm.arm_bench import INTID, PIN, Arm64Bench
from arm.opcodes import a64
from core import smp_guests
from models.splitmix64 import splitmix64

from vmm import Burst, Delivered, Elapsed, LineChanged, Nmi, Periodic, Poisson, Sequence, Storm, Vector
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.trace.words import describe

from .irq5_guest import CODE, IRQ5, machine, run
from .stimulated import MASKED_FLAGS, acts, on_irq5, watched

# ---- when ----


@pytest.mark.parametrize(
    ("stimulus", "times"),
    [
        (Periodic(50), [0, 50, 100, 150, 200]),
        (Periodic(20, start=7, count=3), [7, 27, 47]),
        # 10 ns an instruction: the first boundary at or after 255 ns, 510 ns, …
        (Periodic(255, unit="ns", start=255, count=4), [26, 51, 77, 102]),
        (Periodic(0.5, unit="us", count=3), [0, 50, 100]),
        (Burst(3, gap=4, pause=50), [0, 4, 8, 58, 62, 66, 116, 120, 124, 174, 178, 182]),
        (Burst(2, gap=1, pause=9, bursts=2, start=5), [5, 6, 15, 16]),
        (Sequence([3, 3, 40, 41]), [3, 3, 40, 41]),
        (Sequence([0, 1.5], unit="us", start=0.1), [10, 160]),
    ],
    ids=str,
)
def test_pulses_come_at_the_times_that_were_asked_for(stimulus, times):
    assert on_irq5(stimulus) == times


def test_times_count_from_the_boundary_where_it_is_started():
    m = machine(flags=MASKED_FLAGS)
    m.run(insns=33)
    assert acts(m, (m.irq(5), Periodic(20, count=2), {}), (m.irq(3), Periodic(100, unit="ns", count=2), {})) == [
        33, 33, 43, 53,
    ]  # fmt: skip


def test_none_comes_at_or_after_its_until():
    assert on_irq5(Periodic(20), until=Elapsed(insns=61)) == [0, 20, 40, 60]
    assert on_irq5(Periodic(20), until=Elapsed(insns=60)) == [0, 20, 40]
    assert on_irq5(Periodic(1, unit="us"), until=Elapsed(us=2)) == [0, 100]


def test_a_pulse_is_low_then_high_and_ends_with_its_hold():
    m = machine(flags=MASKED_FLAGS)
    seen = watched(m)
    m.stimulate(m.irq(5), Periodic(10, start=5, count=3))
    m.stimulate(m.irq(6), Periodic(50, start=2, hold=7))
    m.run(insns=60)
    assert [(at, value) for at, kind, line, value in seen if kind == "line" and line == 5] == [
        (5, 1), (15, 0), (15, 1), (25, 0), (25, 1),
    ]  # fmt: skip
    assert [(at, value) for at, kind, line, value in seen if kind == "line" and line == 6] == [
        (2, 1), (9, 0), (52, 1), (59, 0),
    ]  # fmt: skip


def test_two_at_one_boundary_act_in_the_order_they_were_started_in():
    m = machine(flags=MASKED_FLAGS)
    seen = watched(m)
    m.stimulate(m.irq(6), Periodic(30, start=10))
    m.stimulate(m.irq(5), Periodic(20, start=20))
    m.run(insns=41)
    numbers = [(at, number) for at, kind, number, _ in seen if kind == "stimulus"]
    assert numbers == [(10, 0), (20, 1), (40, 0), (40, 1)]


# The handler of test_scenarios ends the interrupt with its 4th instruction and returns with its 6th, the last.
@pytest.mark.parametrize(
    ("storm", "times"),
    [
        (Storm(), [0, 6, 12, 18]),
        (Storm(gap=5), [0, 11]),
        (Storm(after="ended"), [0, 4, 10, 16]),
        (Storm(after="ended", gap=1), [0, 5, 11, 17]),
        # a pulse that comes at a delivery waits for that handler's end, and the next is one instruction later at least
        (Storm(after="acknowledged"), [0, 1, 6, 12, 18]),
        (Storm(after="delivered", gap=3), [0, 3, 9, 15]),
        (Storm(gap=40, unit="ns"), [0, 10, 20]),
        (Storm(count=2, start=4), [4, 10]),
    ],
    ids=str,
)
def test_a_storm_follows_what_becomes_of_its_last_pulse(storm, times):
    assert on_irq5(storm, flags=1 << 9, insns=20) == times


# ldr w0, [x20, #GICC_AIAR]; str w0, [x20, #GICC_AEOIR]; eret: of group 1
@pytest.mark.parametrize(
    ("after", "times"), [("acknowledged", [0, 1, 4, 7]), ("ended", [0, 2, 5, 8]), ("returned", [0, 3, 6, 9])]
)
def test_a_storm_follows_the_path_through_a_gic(after, times):
    bench = Arm64Bench(a64("b #0"), pstate=5, x20=0x08010000)
    bench.enable(INTID)
    bench._gic_write(0, INTID, 0xC00 + INTID // 16 * 4, 4, 2 << INTID % 16 * 2)  # ICFGR: edge-triggered
    bench.write(0x40020000 + 0x280, 0xB9402280, 0xB9002680, 0xD69F03E0)
    m = bench.machine
    assert acts(m, (m.spi(PIN), Storm(after=after), {}), insns=9) == times
    assert set(bench.numbers) == {INTID}


def test_a_storm_of_nmis_or_vectors_follows_their_handlers():
    iret = bytes.fromhex("90 90 cf")
    for target in (Nmi(), Vector(0x31)):
        m = machine(handler=iret)
        assert acts(m, (target, Storm(gap=2), {}), insns=14) == [0, 5, 10]
    m = machine(handler=iret)
    assert acts(m, (Vector(0x31), Storm(after="delivered", gap=4), {}), insns=14) == [0, 4, 8, 12]


def test_a_software_interrupt_of_the_same_vector_is_not_the_storms():
    # int 25h; jmp .-2: its handler returns again and again, and the line's pulse is never delivered: IF is 0
    m = machine(bytes.fromhex("cd25 ebfc"), handler=bytes.fromhex("cf"), flags=MASKED_FLAGS)
    assert acts(m, (m.irq(5), Storm(), {})) == [0]


# ---- Poisson ----


def exponentials(seed: int):
    """von Neumann (1951), in exact fractions: runs of descending draws; the first of one of odd length is the part
    below 1, and the runs of even length before it are the whole part.
    """
    draws = (Fraction(z, 1 << 64) for z in splitmix64(seed))
    rejected = 0
    for first in draws:
        last, length = first, 1
        for drawn in draws:
            if drawn >= last:
                break
            last, length = drawn, length + 1
        if length % 2:
            yield rejected + first
            rejected = 0
        else:
            rejected += 1


@pytest.mark.parametrize("seed", [0, 1, 0xDEADBEEF, (1 << 64) - 1])
@pytest.mark.parametrize("mean", [1, 3, 50])
def test_poisson_arrivals_are_those_of_the_model(seed, mean):
    arrivals = [math.floor(mean * time) for time in accumulate(islice(exponentials(seed), 300))]
    assert on_irq5(Poisson(mean, count=300), seed=seed, insns=90_000) == arrivals


@pytest.mark.slow
def test_poisson_intervals_are_exponentially_distributed():
    """Of n intervals the mean's standard deviation is mean / sqrt(n); and e^-k of them are longer than k means."""
    n, mean = 10_000, 1000
    m = machine(flags=MASKED_FLAGS)
    m.limit()
    times = acts(m, (m.irq(5), Poisson(mean, count=n), {"seed": 5}), insns=2 * n * mean)
    intervals = [b - a for a, b in zip([0, *times], times, strict=False)]
    assert len(intervals) == n
    assert abs(sum(intervals) / n - mean) < 5 * mean / math.sqrt(n)
    for k in (0.5, 1, 2, 4):
        p = math.exp(-k)
        assert abs(sum(i > k * mean for i in intervals) / n - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_a_seed_comes_from_the_machines_and_differs_from_stimulus_to_stimulus():
    def times(machine_seed, **options):
        m = machine(flags=MASKED_FLAGS, seed=machine_seed)
        seen = watched(m)
        for line in (5, 6):
            m.stimulate(m.irq(line), Poisson(100, count=20), **options)
        m.run(insns=20_000)
        return [[at for at, kind, number, _ in seen if (kind, number) == ("stimulus", n)] for n in (0, 1)]

    first, second = times(1)
    assert first != second
    assert times(1) == [first, second]
    assert times(2)[0] not in (first, second)
    assert times(1, seed=9) == times(2, seed=9)


# ---- determinism ----


def test_a_run_with_stimuli_is_repeated_bit_for_bit_by_its_decisions_alone():
    def begin(m):
        m.stimulate(m.irq(5), Poisson(37, hold=3), seed=3)
        m.stimulate(Nmi(), Burst(2, gap=5, pause=300), until=Elapsed(insns=1500))
        m.stimulate(Vector(0x30), Sequence([100, 200]), armed=(CODE, CODE + 1))
        third = m.stimulate(m.irq(5), Storm(after="ended", gap=100))
        m.run(insns=2000)
        third.stop()
        m.run(insns=2000)
        return m.trace.hash, m.cpu["eax"], m.cpu["ebx"]

    m, told = machine(), []
    m.inputs.observe = told.append
    ended = begin(m)
    assert begin(machine()) == ended
    assert [decision.kind for decision in told] == ["stimulate"] * 4 + ["stop stimulus"]
    again = machine()
    for decision in told[:4]:
        again.inputs.decide(decision.kind, *decision.arguments)
    for _ in range(2):
        again.run(insns=1000)  # how a run is divided changes nothing
    again.inputs.decide(told[4].kind, *told[4].arguments)
    again.run(insns=2000)
    assert (again.trace.hash, again.cpu["eax"], again.cpu["ebx"]) == ended


def test_a_snapshot_brings_stimuli_back_as_they_were():
    def begin(m):
        started = [
            m.stimulate(m.irq(5), Poisson(37, hold=3), seed=3),
            m.stimulate(Vector(0x30), Sequence(range(0, 2000, 70)), armed=(CODE, CODE + 1)),
            m.stimulate(Nmi(), Storm(gap=90)),
        ]
        m.run(insns=333)
        return started

    def end(m, started):
        m.run(insns=1000)
        return m.trace.hash, m.cpu["eax"], [(each.pulses, each.suppressed) for each in started]

    m = machine()
    undisturbed = end(m, begin(m))
    m = machine()
    started = begin(m)
    snapshot = m.snapshot()
    end(m, started)
    for each in started:
        each.stop()
    for n in range(70):  # the others make room for these
        m.stimulate(m.irq(6), Sequence([n]))
        m.run(insns=100)
    m.restore(snapshot)
    assert end(m, started) == undisturbed


@pytest.mark.parametrize("architecture", smp_guests.ARCHITECTURES)
def test_instructions_are_those_of_all_vcpus_whatever_the_turns(architecture):
    for quantum in (7, 100, 1000):
        m = smp_guests.machine("spin", architecture, smp=3, quantum=quantum)
        smp_guests.run_until_started(m)
        begun = m.instructions
        times = acts(
            m, (m.spi(40), Periodic(333, start=10), {}), (m.spi(41), Periodic(9995, unit="ns"), {}), insns=5000
        )
        expected = [n for n in range(5001) if n % 333 == 10 or any(-(-9995 * k // 10) == n for k in range(7))]
        assert [at - begun for at in times] == expected


def test_a_vector_goes_to_the_vcpu_that_is_named():
    m = smp_guests.machine("spin", "arm64", smp=2)
    smp_guests.run_until_started(m)
    for cpu in m.cpus:
        cpu["pstate"] = 5
    m.stimulate(Vector(40, cpu=1), Periodic(500, start=500, count=1))
    stop = m.run(until=Delivered(40), insns=5000)
    assert (stop.reason, stop.result.vcpu, stop.result.source) == ("delivered", 1, "script")


# ---- requested and spontaneous ----


def test_a_pulse_is_requested_while_its_line_is_unmasked_at_the_8259a():
    m = machine(flags=MASKED_FLAGS)
    five = m.stimulate(m.irq(5), Periodic(10))
    ten = m.stimulate(m.irq(10), Periodic(10, start=5))
    assert (five.pulses, ten.pulses) == (0, 0)
    m.run(insns=29)  # only IRQ 5 is unmasked
    assert (five.requested, five.spontaneous, ten.requested, ten.spontaneous) == (3, 0, 0, 3)
    m.pic.write(1, 1, 0)  # of IRQ 10 the slave's pin, the master's is not
    m.run(insns=10)
    assert (five.requested, five.spontaneous, ten.requested, ten.spontaneous) == (4, 0, 0, 4)
    m.pic.write(0, 1, 0xFF & ~(1 << 2))
    m.run(insns=10)
    assert (five.requested, five.spontaneous, ten.requested, ten.spontaneous) == (4, 1, 1, 4)
    assert (five.pulses, ten.pulses) == (5, 5)


def test_a_pulse_is_requested_while_any_of_its_lines_ends_is_unmasked():
    m = machine(flags=MASKED_FLAGS)
    handle = m.stimulate(m.irq(20), Periodic(10))  # IOAPIC pin 20 alone
    lib.vmm_lapic_write(m._native.vcpus[0], 0x360, 0x10400)  # LVT LINT1: NMI, masked
    lint1 = m.stimulate(m.line("NMI"), Periodic(10))
    m.run(insns=5)
    lib.vmm_ioapic_of(m._native).entry[20] = 0x44  # fixed, edge, unmasked
    lib.vmm_lapic_write(m._native.vcpus[0], 0x360, 0x400)
    m.run(insns=10)
    assert (handle.requested, handle.spontaneous) == (1, 1)
    assert (lint1.requested, lint1.spontaneous) == (1, 1)


def test_a_pulse_is_requested_while_its_spi_is_enabled():
    bench = Arm64Bench(a64("b #0"))
    m = bench.machine
    handle = m.stimulate(m.spi(PIN), Periodic(10))
    m.run(insns=5)
    bench.enable(INTID)
    m.run(insns=10)
    assert (handle.requested, handle.spontaneous) == (1, 1)


def test_armed_lets_only_requested_pulses_through():
    m = machine(flags=MASKED_FLAGS)
    seen = watched(m)
    handle = m.stimulate(m.irq(10), Periodic(10, count=6), armed=True)
    m.run(insns=25)
    assert seen == []
    m.pic.write(1, 1, 0)
    m.pic.write(0, 1, 0)
    m.run(insns=25)
    assert [(at, value) for at, kind, _, value in seen if kind == "stimulus"] == [(30, 1), (40, 1), (50, 1)]
    assert (handle.pulses, handle.requested, handle.spontaneous, handle.suppressed) == (3, 3, 0, 3)


def test_a_storm_that_is_held_back_tries_again():
    m = machine(flags=MASKED_FLAGS)
    m.pic.write(0, 1, 0xFF)
    handle = m.stimulate(m.irq(5), Storm(gap=10), armed=True)
    m.run(insns=35)
    m.pic.write(0, 1, 0)
    m.run(insns=35)
    assert (handle.pulses, handle.suppressed) == (1, 4)


@pytest.mark.parametrize("target", [Nmi(), Vector(0x31)], ids=str)
def test_what_has_no_mask_is_requested_between_two_places_only(target):
    code = bytes.fromhex("90 90 90 90 90 ebf9")  # five times nop, and back: six instructions a round
    iret = bytes.fromhex("cf")
    m = machine(code, handler=iret)
    spontaneous = m.stimulate(target, Periodic(100, start=1, count=3))
    m.run(insns=400)
    assert (spontaneous.requested, spontaneous.spontaneous) == (0, 3)
    m = machine(code, handler=iret, flags=MASKED_FLAGS)
    handle = m.stimulate(m.irq(5), Periodic(1, count=60), armed=(CODE + 1, CODE + 3))
    seen = watched(m)
    m.run(insns=100)
    assert [at % 6 for at, kind, *_ in seen if kind == "stimulus"] == [1, 2] * 10
    assert (handle.requested, handle.suppressed) == (20, 40)


# ---- how they end ----


def test_a_storm_ends_with_the_run():
    m = machine()
    m.limit(insns=996)
    handle = m.stimulate(m.irq(5), Storm())
    assert m.run().reason == "limit"
    assert m.instructions == 996
    assert handle.pulses == 167  # a handler of 6 instructions, and nothing between two of them
    assert m.cpu["eax"] == 0


def test_stop_ends_it_and_lets_go_of_a_held_line():
    m = machine(flags=MASKED_FLAGS)
    held = m.stimulate(m.irq(5), Periodic(100, hold=50))
    m.run(insns=20)
    assert m._native.lines[5].drivers
    held.stop()
    assert not m._native.lines[5].drivers
    m.run(insns=200)
    assert held.pulses == 1
    held.stop()


def test_a_stimulus_wakes_a_machine_that_sleeps_until_it_comes():
    sleeping = bytes.fromhex("f4 ebfd")  # hlt; jmp .-1
    m = machine(sleeping)
    m.stimulate(m.irq(5), Periodic(7, unit="ms", start=7))
    stop = m.run(until=Delivered(IRQ5))
    assert (stop.reason, m.now_ns) == ("delivered", 7_000_000)
    m = machine(sleeping, flags=MASKED_FLAGS)
    m.stimulate(Nmi(), Sequence([3], unit="ms"))
    assert m.run(until=Delivered(2)).reason == "delivered"
    m = machine(sleeping, flags=MASKED_FLAGS)
    lib.vmm_lapic_write(m._native.vcpus[0], 0x360, 0x400)  # LVT LINT1: NMI, unmasked
    m.stimulate(m.line("NMI"), Sequence([3], unit="ms"))
    assert m.run(until=Delivered(2)).reason == "delivered"


@pytest.mark.parametrize(
    ("flags", "target", "stimulus"),
    [
        (MASKED_FLAGS, None, Periodic(10, unit="ns")),  # IF is 0
        (1 << 9, None, Periodic(1, unit="ns")),  # IRQ 6 is masked
        (1 << 9, None, Periodic(10)),  # no instruction begins
        (MASKED_FLAGS, Nmi(), Sequence([5], unit="us")),  # once, and it is over
    ],
    ids=["interrupts off", "line masked", "instructions", "last NMI"],
)
def test_a_sleeping_machine_that_no_pulse_can_wake_is_idle(flags, target, stimulus):
    m = machine(bytes.fromhex("f4 ebfd"), handler=bytes.fromhex("cf"), flags=flags)
    m.stimulate(target or m.irq(6), stimulus)
    assert m.run().reason == "idle"


def test_stops_on_the_way_do_not_change_when_it_is_idle():
    def asleep():
        m = machine(bytes.fromhex("f4 ebfd"), handler=bytes.fromhex("cf"), flags=1 << 9)
        m.stimulate(m.irq(6), Periodic(20, unit="ns"))  # masked
        return m

    whole, stopped = asleep(), asleep()
    assert whole.run().reason == "idle"
    for _ in range(3):
        assert stopped.run(until=Elapsed(ns=4_000_000)).reason == "elapsed"
    assert stopped.run().reason == "idle"
    assert stopped.position == whole.position


def test_an_nmi_that_is_blocked_for_ever_wakes_nobody():
    m = machine(bytes.fromhex("f4 ebfd"), handler=bytes.fromhex("f4 ebfd"), flags=MASKED_FLAGS)
    m.stimulate(Nmi(), Periodic(10, unit="ns", start=10))
    assert m.run().reason == "idle"


def test_a_scenario_stands_at_the_boundary_of_a_pulse_before_its_delivery():
    async def scenario(m):
        m.stimulate(m.irq(5), Periodic(100, start=30))
        event = await LineChanged(5, level=1)
        return event.insns, event.source, m.instructions, m.pic.master.isr

    assert run(machine(), scenario) == (30, "stimulus", 30, 0)


def test_a_recording_tells_a_stimulus_lines_from_a_scripts():
    m = machine(flags=MASKED_FLAGS)
    with m.trace.record():
        m.stimulate(m.irq(5), Periodic(10, start=5, count=3, hold=2))
        m.run(insns=12)
        m.irq(5).pulse()
        m.run(insns=20)
    assert m.trace.of(kind="stimulus").insns == [5, 15, 25]
    assert m.trace.of(kind="line", source="stimulus").insns == [5, 7]  # then the script holds the wire high
    assert m.trace.of(kind="line").insns == [5, 7, 12]


def test_a_stimulus_has_words_in_a_report():
    m = machine(flags=MASKED_FLAGS)
    for line in (5, 6):
        m.stimulate(m.irq(line), Periodic(1, count=1))
    m.run(insns=1)
    acted = [describe(event, m) for event in m.trace.last() if event.kind == "stimulus"]
    assert acted == ["stimulus 0 acts, as requested at 0x1000", "stimulus 1 acts, spontaneously at 0x1000"]


def test_sixty_four_at_a_time_and_those_that_are_over_make_room():
    m = machine(flags=MASKED_FLAGS)
    first = m.stimulate(m.irq(6), Periodic(1, count=1))
    handles = [m.stimulate(m.irq(5), Periodic(10, start=n)) for n in range(63)]
    with pytest.raises(VmmError, match="more than 64 stimuli at a time"):
        m.stimulate(m.irq(5), Periodic(10))
    m.run(insns=100)
    assert [handle.pulses for handle in (first, handles[0], handles[62])] == [1, 11, 4]
    last = m.stimulate(m.irq(5), Periodic(10))
    m.run(insns=5)
    assert [handle.pulses for handle in (last, handles[0], handles[62])] == [1, 11, 5]
    with pytest.raises(VmmError, match="stimulus 0 was over and has made room"):
        _ = first.pulses
    first.stop()
