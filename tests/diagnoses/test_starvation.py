"""Who waits for handlers of others, counted by hand: a handler of 100 instructions, again as soon as it is over."""

from pathlib import Path

import pytest
from findings.guests import x86

BODY = """
    IDT_GATE 0x25, busy
    IDT_GATE 0x26, waits
    PIC_UNMASK 5
    PIC_UNMASK 6
    sti
    nop
begin:
    jmp begin
"""
HANDLER = """
busy:
    .rept 97
    nop
    .endr
    movb $0x20, %al
    outb %al, $0x20
    iret
waits:
    movb $0x20, %al
    outb %al, $0x20
    POWER_OFF
"""


def verdicts(folder: Path, budget: str):
    """What is said where IRQ 5 comes five times, again while its handler runs, and IRQ 6 with the first of them."""
    m = x86(folder, BODY, HANDLER)
    with m.diagnose(f"starvation={budget}") as diagnoses:
        m.run(until="begin")
        m.irq(6).pulse()
        for _ in range(5):
            m.irq(5).until_served()
            m.run(insns=100)
        m.run()
        return m, diagnoses.verdicts()


@pytest.mark.parametrize(
    ("budget", "starved"), [("500insns", False), ("499insns", True), ("5us", False), ("4999ns", True)]
)
def test_an_interrupt_waits_for_five_handlers(budget: str, starved: bool, tmp_path: Path) -> None:
    m, found = verdicts(tmp_path, budget)
    of_interrupt = [verdict for verdict in found if verdict.text.startswith("vector 0x26")]
    assert [verdict.certain for verdict in of_interrupt] == [True] * starved
    for verdict in of_interrupt:
        assert "waits 5.00 us" in verdict.text and verdict.text.endswith(": 5 of vector 0x25 (IRQ 5)")
        assert verdict.evidence[0].where == m.where("busy")


def test_main_that_gets_nothing(tmp_path: Path) -> None:
    m, found = verdicts(tmp_path, "400insns")
    (of_main,) = [verdict for verdict in found if verdict.text.startswith("vCPU 0")]
    assert "runs 5 handlers one upon the other for 5.00 us" in of_main.text
    assert of_main.evidence[1].where == m.where("begin"), "what waits"


def test_two_instructions_between_handlers_are_enough_of_a_breath_for_main(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLER)
    with m.diagnose("starvation=150insns") as diagnoses:
        m.run(until="begin")
        for _ in range(5):
            m.irq(5).until_served()
            m.run(insns=100 + 2)
        assert diagnoses.verdicts() == []


def test_no_budget_no_verdict(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLER)
    with m.diagnose() as diagnoses:
        m.run(until="begin")
        m.irq(5).pulse()
        m.run(insns=50)
        assert [each for each in diagnoses.verdicts() if each.diagnosis == "starvation"] == []
