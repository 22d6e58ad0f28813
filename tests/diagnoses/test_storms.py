"""Levels that are taken again and again: who lowers the line at last, and where (8259A, level triggered mode).

A round is 6 instructions: INC, CMP, JNE, MOV, OUT and IRET; the interrupt comes again 1 instruction after the OUT that
ends it, which is the IRET.
"""

from pathlib import Path

from findings.guests import x86

import vmm
from diagnoses.guests import certain, said

BODY = """
    IDT_GATE 0x25, handler
    OUT_BYTE ELCR1, 0x20
    PIC_UNMASK 5
    RAISE 5
    sti
"""
HANDLER = """
handler:
    incl count
    cmpl ${rounds}, count
    jne 1f
    LOWER 5
1:
    movb $0x20, %al
eoi:
    outb %al, $PIC1
    iret
"""
NEVER = 1_000_000


def storming(folder: Path, rounds: int) -> vmm.Machine:
    return x86(folder, BODY, HANDLER.format(rounds=rounds))


def test_a_line_that_never_falls_is_never_quieted(tmp_path: Path) -> None:
    m = storming(tmp_path, NEVER)
    (verdict,) = certain(m, "unquelled", insns=5000)
    assert verdict.evidence[0].where == m.where(m.address("eoi") + 2)
    assert "every 6 instructions" in verdict.text


def test_that_is_told_once_not_as_a_storm_as_well(tmp_path: Path) -> None:
    assert said(storming(tmp_path, NEVER), "storm", insns=5000) == []


def test_a_line_that_something_else_lowers_has_stormed(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY.replace("RAISE 5", ""), HANDLER.format(rounds=NEVER))
    m.run(insns=1000)
    with m.diagnose("storm", "unquelled") as diagnoses:
        m.irq(5).raise_()
        m.run(insns=6 * 70)
        assert [verdict.diagnosis for verdict in diagnoses.verdicts()] == ["unquelled"]
        m.irq(5).lower()
        m.run(insns=100)
        (verdict,) = diagnoses.verdicts()
    assert (verdict.diagnosis, verdict.certain) == ("storm", True)
    assert verdict.evidence[0].where == m.where("eoi")
    assert "each time at most 1 after the end of interrupt" in verdict.text


def test_a_handler_that_lowers_its_line_at_last_took_what_there_was(tmp_path: Path) -> None:
    m = storming(tmp_path, 100)
    with m.diagnose("storm", "unquelled") as diagnoses:
        m.run(insns=5000)
        assert diagnoses.verdicts() == []


def test_few_rounds_are_none(tmp_path: Path) -> None:
    assert said(storming(tmp_path, NEVER), "unquelled", insns=760) == []
