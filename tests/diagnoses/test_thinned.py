"""What is left out of a log before diagnoses see it changes nothing of what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from findings.guests import arm64, x86

import vmm
from vmm import Poisson
from vmm.casebook.case import BROKEN, FIXED, Asked, cases
from vmm.cli.scripted import load
from vmm.diagnoses.diagnosed import Look
from vmm.machine.machine import Machine, boot
from vmm.trace.query import Thinned

ROUNDS = 10
X86 = (
    "IDT_GATE 0x25, handler\nIDT_GATE 0x26, forgets\nPIC_UNMASK 5\nPIC_UNMASK 6\nsti\nnop\nbegin:",
    "handler: push %eax\nPIC_EOI 5\npop %eax\niret\nforgets: iret",
)
ARM64 = (
    "GIC_ENABLE SPI(5)\nGIC_ENABLE SPI(6)\nmsr daifclr, #DAIF_I\nbegin:",
    "handler: IRQ_ENTER\nGIC_ACK x0\ncmp x0, #SPI(6)\nb.eq leave\nGIC_EOI x0\nleave: IRQ_LEAVE",
)
GUESTS = {"x86": (x86, *X86), "arm64": (arm64, *ARM64)}
KINDS = ("line", "pending", "acknowledged", "delivered", "ended", "returned", "cpu mask")


@pytest.fixture(params=GUESTS)
def guest(request, tmp_path: Path) -> Machine:
    """It ends the interrupts of line 5, and not those of line 6."""
    make, body, rest = GUESTS[request.param]
    m = make(tmp_path, body, rest)
    m.trace.record()
    m.run(until="begin")
    return m


def line(m: Machine, number: int):
    return m.irq(number) if m.architecture == "x86" else m.spi(number)


def thinned(m: Machine) -> tuple[Thinned, list[int], int]:
    """With the instruction counts of the deliveries that are left, and how many events are left out before those."""
    found = m.trace.of(kind=KINDS).thinned(vectors=m.architecture == "x86")
    before, events = found.tail(100_000)
    return found, [event.insns for event in events if event.kind == "delivered"], before


def test_of_plain_rounds_the_first_and_the_last_are_left(guest: Machine) -> None:
    for _ in range(ROUNDS):
        line(guest, 5).until_served()
        guest.run(insns=100)
    found, kept, before = thinned(guest)
    delivered = guest.trace.of(kind="delivered").insns
    assert len(delivered) == ROUNDS
    assert (kept, before) == ([delivered[0], delivered[-1]], 0)
    assert found.rises == {5: ROUNDS - 2}


def test_what_leaves_something_behind_is_left_with_its_neighbours(guest: Machine) -> None:
    for _ in range(ROUNDS):
        line(guest, 5).until_served()
        guest.run(insns=100)
    line(guest, 6).until_served()
    guest.run(insns=100)
    for _ in range(ROUNDS):  # they wait: of no higher priority than what was never ended
        line(guest, 5).until_served()
        guest.run(insns=100)
    found, kept, _ = thinned(guest)
    delivered = guest.trace.of(kind="delivered").insns
    assert kept == [delivered[0], *delivered[ROUNDS - 1 :]]
    assert found.rises[5] == ROUNDS - 2


def test_the_last_of_what_is_left_are_shown(guest: Machine) -> None:
    for _ in range(ROUNDS):
        line(guest, 5).until_served()
        guest.run(insns=100)
    found = guest.trace.of(kind=KINDS).thinned(vectors=guest.architecture == "x86")
    _, everything = found.tail(100_000)
    whole = list(everything)
    before, events = found.tail(3)
    assert (before, list(events)) == (len(whole) - 3, whole[-3:])


def test_a_line_that_comes_often_is_counted_whole(tmp_path: Path) -> None:
    """The words of a verdict have what was left out as well."""
    m = x86(tmp_path, *X86)
    with m.diagnose("lost_edge") as diagnoses:
        m.run(until="begin")
        for _ in range(ROUNDS):
            m.irq(5).until_served()
            m.run(insns=100)
        m.pic.write(0, 1, 0xFF)
        m.irq(5).raise_()
        m.irq(5).lower()
        m.pic.write(0, 1, 0x9F)
        m.run()
        (verdict,) = diagnoses.verdicts()
    assert f"Of the {ROUNDS + 1} times it rose {ROUNDS} brought an interrupt" in verdict.text


def same_with_and_without(m: Machine, *words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many verdicts there are."""
    with m.diagnose(*words) as diagnoses:
        m.run()
        m.close()
        thin = [str(each) for each in diagnoses.verdicts()]
        monkeypatch.setattr(Look, "may_be_thinned", False)
        assert thin == [str(each) for each in diagnoses.verdicts()]
    return len(thin)


ALONE = [
    Asked(each, arch, variant)
    for each in cases().values()
    for arch, variant in (("x86", BROKEN), ("x86", FIXED), ("arm64", BROKEN))
    if each.machines.get(arch, {"smp": 0}).get("smp", 1) == 1
]


@pytest.mark.parametrize("asked", ALONE, ids=lambda asked: asked.name)
def test_no_verdict_of_a_case_changes(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    m = boot(asked.image, console=None)
    if asked.case.scenario:
        load(asked.case.scenario).start(m)
    same_with_and_without(m, "all", monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    "image", ["x86/priority_nesting", "x86/pit_ticks", "arm64/priority_nesting", "arm64/spurious_1023"]
)
def test_nor_of_a_guest_whose_lines_come_at_random(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    m = vmm.boot(image, console=None, seed=7)
    for number in (3, 5):
        m.stimulate(line(m, number), Poisson(mean=40 + number, count=200))
    m.limit(insns=20_000)
    same_with_and_without(m, "all", monkeypatch=monkeypatch)
