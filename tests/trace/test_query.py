"""What a recording answers; the numbers are the guests' own, counted by hand."""

from __future__ import annotations

import pytest

from vmm.errors import VmmError
from vmm.machine.machine import Machine, boot
from vmm.trace.query import Latencies

ROUND = 13
"""Instructions of a round of x86/isr_bench: leal movb outb; incl xorb outb movb outb iret; cmpl jb cmpl jb."""


@pytest.fixture(scope="module")
def rounds() -> Machine:
    """100 rounds of x86/isr_bench."""
    machine = boot("x86/isr_bench")
    machine.run(until="round")
    with machine.trace.record():
        machine.run(insns=100 * ROUND)
    return machine


@pytest.fixture(scope="module")
def ping_pong() -> Machine:
    """INTID 2 goes from vCPU 1 to vCPU 0 and INTID 1 back, 100 times each."""
    machine = boot("arm/sgi_ping_pong")
    with machine.trace.record():
        machine.run()
    return machine


def test_a_vector_means_its_deliveries(rounds: Machine) -> None:
    deliveries = rounds.trace.of(vector=0x24)
    assert len(deliveries) == 100
    assert {(event.kind, event.number, event.source) for event in deliveries} == {("delivered", 0x24, "IRQ 4")}
    assert deliveries.gaps == [ROUND] * 99
    assert not rounds.trace.of(vector=0x25)
    assert rounds.trace.of(vector=0x25).first is None and rounds.trace.of(vector=0x25).last is None


def test_the_first_and_the_last_are_the_ends_of_all(rounds: Machine) -> None:
    lines = rounds.trace.of(kind="line")
    events = list(lines)
    assert (lines.first, lines.last) == (events[0], events[-1])
    assert [event.insns for event in events] == lines.insns
    assert [event.value for event in events[:4]] == [1, 0, 1, 0]


def test_each_step_of_the_path_is_a_kind(rounds: Machine) -> None:
    for kind, times in {"line": 200, "pending": 100, "acknowledged": 100, "delivered": 100, "ended": 100}.items():
        assert len(rounds.trace.of(kind=kind)) == times


def test_since_leaves_out_what_was_before(rounds: Machine) -> None:
    deliveries = rounds.trace.of(vector=0x24)
    middle = deliveries.insns[60]
    assert rounds.trace.of(vector=0x24, since=middle).insns == deliveries.insns[60:]
    assert rounds.trace.of(vector=0x24, since=middle + 1).insns == deliveries.insns[61:]


def test_ticks_are_as_far_apart_as_the_timer_says() -> None:
    """The guest's 8254 counts 1193 periods of 88/105 us: a twelfth of the PC's 14.318 MHz."""
    machine = boot("x86/pit_ticks")
    with machine.trace.record():
        machine.run()
    ticks = [event.ns for event in machine.trace.of(vector=0x20)]
    period = 1193 * 88_000 / 105
    assert len(ticks) == 100
    assert all(abs(ns - ticks[0] - n * period) <= 20 for n, ns in enumerate(ticks))  # an instruction's 10 ns each way


def test_sources_vcpus_and_intids_of_arm(ping_pong: Machine) -> None:
    of = ping_pong.trace.of
    assert [len(of(source=name)) for name in ("SGI", "SGI from vCPU 0", "SGI from vCPU 1", "SPI", "PPI")] == [
        200, 100, 100, 0, 0,
    ]  # fmt: skip
    assert {event.vcpu for event in of(intid=2)} == {0} and len(of(intid=2)) == len(of(source="SGI", vcpu=0)) == 100
    assert {event.value for event in of(kind="acknowledged", intid=1)} == {0}  # the sender


def test_an_exception_class_is_no_intid() -> None:
    machine = boot("arm64/svc_vs_irq")
    with machine.trace.record():
        machine.run()
    assert {event.number for event in machine.trace.of(source="software")} == {0x15}
    assert not machine.trace.of(intid=0x15)


def test_latencies_are_those_of_what_waits() -> None:
    """arm64/first_isr: RAISE, WFI and the unmask lie between the request and the delivery."""
    machine = boot("arm64/first_isr")
    with machine.trace.record():
        machine.run()
    assert machine.trace.of().latencies == Latencies((3,))
    assert machine.trace.of(kind="ended").latencies.values == ()


def test_statistics_are_values_that_occurred() -> None:
    """By the nearest rank: the 99th percentile of 200 values is the 198th, their median the 100th."""
    some = Latencies(tuple(range(200, 0, -1)))
    assert (some.count, some.min, some.median, some.p99, some.max) == (200, 1, 100, 198, 200)
    assert Latencies((7,)).p99 == Latencies((7,)).median == 7


def test_statistics_of_nothing_are_none() -> None:
    none = Latencies(())
    assert (none.count, none.min, none.median, none.p99, none.max) == (0, None, None, None, None)


def test_an_event_is_told_with_symbol_and_source_line(rounds: Machine) -> None:
    first = rounds.trace.of(vector=0x24).first
    assert first is not None
    told = rounds.trace.describe(first)
    assert told.startswith("vector 0x24 delivered (IRQ 4) at 0x") and " taken isr_bench.S:" in told
    ended = rounds.trace.of(kind="ended").first
    assert ended is not None and " handler+0x" in rounds.trace.describe(ended)


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ({"kind": "deliverd"}, "unknown kind of event 'deliverd'; did you mean 'delivered'?"),
        ({"source": "IQR 4"}, "unknown source 'IQR 4'; did you mean 'IRQ 4'?"),
        ({"vector": -1}, "vector=-1: it cannot be negative"),
        ({"intid": 4}, "x86's interrupts have no INTIDs: ask for vector="),
    ],
)
def test_a_question_that_has_no_sense_is_one_line(rounds: Machine, question: dict[str, object], line: str) -> None:
    with pytest.raises(VmmError) as error:
        rounds.trace.of(**question)  # type: ignore[arg-type]
    assert str(error.value) == line


def test_a_vector_on_arm_is_one_line(ping_pong: Machine) -> None:
    with pytest.raises(VmmError, match="ARM's interrupts have no vectors"):
        ping_pong.trace.of(vector=2)


def test_a_question_before_anything_is_recorded_is_one_line() -> None:
    with pytest.raises(VmmError, match=r"nothing is recorded: call m\.trace\.record"):
        boot("x86/hello").trace.of(vector=1)
