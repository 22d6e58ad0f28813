"""Executions of handlers, counted by hand in the guest's source."""

from pathlib import Path

import pytest
from findings.guests import x86

BODY = """
    IDT_GATE 0x25, handler
    IDT_GATE 0x26, other
    IDT_GATE 0x30, soft
    PIC_UNMASK 5
    PIC_UNMASK 6
    sti
    nop
begin:
    nop
    nop
    cli
    POWER_OFF
"""
HANDLER = """
handler:
    nop
    movb $0x60 + 5, %al
    outb %al, $0x20                     # a specific end of interrupt, 3 instructions after the delivery
ended:
    .rept 20
    nop
    .endr
{inside}
    iret
other:
    movb $0x60 + 6, %al
    outb %al, $0x20
    .rept 50
    nop
    .endr
    iret
soft:
    nop
    iret
"""
OWN = 3 + 20 + 1


def verdicts(folder: Path, budget: int, inside: str = "", lines: tuple[int, ...] = (5,), **options):
    m = x86(folder, BODY, HANDLER.format(inside=inside), **options)
    with m.diagnose(f"handler_time={budget}insns") as diagnoses:
        m.run(until="begin")
        for line in lines:
            m.irq(line).pulse()
        m.run()
        return m, diagnoses.verdicts(), diagnoses.looked().figures


@pytest.mark.parametrize("over", [0, 1])
def test_from_the_delivery_to_the_return_to_the_instruction(over: int, tmp_path: Path) -> None:
    m, found, figures = verdicts(tmp_path, OWN - over)
    assert figures == {"handler_time": [f"the handler of vector 0x25 (IRQ 5): once, {OWN} instructions"]}
    assert [verdict.confidence for verdict in found] == ["certain"] * over
    for verdict in found:
        guilty, entered, back = verdict.evidence
        assert "handler+0x3 " in guilty.where and "after 3" in guilty.words, "the longest stretch is behind OUT"
        assert entered.where == m.where("handler")
        assert "ended+0x14 " in back.where and f"after {OWN}" in back.words


def test_another_interrupts_handler_is_not_its_own_time(tmp_path: Path) -> None:
    inside = "    sti\n    nop\n    cli\n"
    _, found, _ = verdicts(tmp_path, OWN + 3, inside, lines=(5, 6))
    assert [verdict.text.split(" runs ")[0] for verdict in found] == ["the handler of vector 0x26 (IRQ 6)"]
    assert "runs 53 instructions" in found[0].text


def test_an_exception_of_its_own_is(tmp_path: Path) -> None:
    _, found, _ = verdicts(tmp_path, OWN, "    int $0x30\n")
    assert [f"runs {OWN + 3} instructions" in verdict.text for verdict in found] == [True]


def test_a_handler_that_has_not_returned_is_not_judged(tmp_path: Path) -> None:
    _, found, _ = verdicts(tmp_path, 1, "    POWER_OFF\n")
    assert found == []
