"""Whose vector an injected interrupt has, and what its handler makes of it: in guests of a few instructions."""

from pathlib import Path

import pytest
from findings.guests import x86

import vmm

BODY = """
    IDT_GATE 0x25, answers
    IDT_GATE 0x40, answers
    IDT_GATE 6, answers
    IDT_GATE 0x41, keeps
    PIC_UNMASK 5
    int $0x25
    int $0x41
    sti
    nop
begin:
    jmp begin
"""
HANDLER = """
answers:
    incl %ebx
    pushl %eax
    movb $0x20, %al
    outb %al, $0x20
    popl %eax
    iret
keeps:
    iret
"""
CALLED, NOT_CALLED, UNDEFINED, KEEPS = 0x25, 0x40, 6, 0x41


def verdicts(folder: Path, *vectors: int, line: bool = False):
    m = x86(folder, BODY, HANDLER)
    with m.diagnose("foreign_vector") as diagnoses:
        m.run(until="begin")
        for vector in vectors:
            m.inject(vector)
            m.run(insns=10)
        if line:
            m.irq(5).until_served()
            m.run(insns=10)
        return m, diagnoses.verdicts()


@pytest.mark.parametrize(("vector", "whose"), [(CALLED, "INT 0x25"), (UNDEFINED, "exception #UD")])
def test_what_nobody_asked_for_is_answered(vector: int, whose: str, tmp_path: Path) -> None:
    m, (verdict,) = verdicts(tmp_path, vector, vector)
    assert verdict.certain
    assert f"its handler took it for {whose} of the code at {m.where('begin')}" in verdict.text
    assert verdict.text.endswith("and changed its registers; 2 times")
    assert [each.where for each in verdict.evidence[:2]] == [m.where("answers"), m.where("begin")]


def test_hardware_may_have_the_vector_of_an_int(tmp_path: Path) -> None:
    """As in kernels that yield by INT n to their timer's handler: its controller has said so."""
    assert verdicts(tmp_path, line=True)[1] == []


def test_a_vector_that_no_code_calls_is_an_interrupt_as_others(tmp_path: Path) -> None:
    assert verdicts(tmp_path, NOT_CALLED)[1] == []


def test_a_handler_that_leaves_everything_as_it_was(tmp_path: Path) -> None:
    assert verdicts(tmp_path, KEEPS)[1] == []


def test_it_is_said_that_arm_has_none() -> None:
    diagnoses = vmm.boot("arm64/hello", console=None).diagnose("foreign_vector")
    assert "no interrupt can have" in diagnoses.not_applied()["foreign_vector"]
