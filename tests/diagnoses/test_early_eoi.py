"""Fully nested mode (8259A): what is in service holds back its own level and those below, until it is ended."""

from pathlib import Path

import pytest
from findings.guests import x86

from diagnoses.guests import certain, said

BODY = """
    IDT_GATE 0x23, high
    IDT_GATE 0x25, middle
    IDT_GATE 0x26, low
    PIC_UNMASK 3
    PIC_UNMASK 5
    PIC_UNMASK 6
    RAISE 5
    sti
"""
MIDDLE = """
middle:
    LOWER 5
    {first}
    RAISE {other}
    {then}
    {end}
    .rept {work}
    nop
    .endr
    cli
    {last}
    iret
low:
    LOWER 6
    PIC_EOI 6
    iret
high:
    LOWER 3
    movb $0x20, %al
own:
    outb %al, $PIC1
    {again}
    iret
"""
END = "movb $0x20, %al\nend:\n outb %al, $PIC1"
AGAIN = "again:\n outb %al, $PIC1"
RIGHT = {"first": "sti", "other": 6, "then": "", "end": "", "work": 40, "last": END, "again": ""}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"end": END, "last": ""}, "end"),
        ({"other": 3, "again": AGAIN, "then": "RAISE 6", "last": ""}, "again"),
    ],
    ids=["its own", "another's"],
)
def test_the_end_that_came_early_is_named(change: dict[str, str], place: str, tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, MIDDLE.format(**RIGHT | change))
    (verdict,) = certain(m, "early_eoi")
    assert verdict.evidence[0].where == m.where(place)
    assert "So vector 0x26 (IRQ 6), requested at insn" in verdict.text


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"end": END, "last": "", "work": 5},
        {"first": "", "end": END, "then": "", "last": ""},
        {"first": "", "end": f"{END}\n sti", "last": ""},
        {"other": 3},
    ],
    ids=["behind the work", "with nothing left to do", "masked", "let in behind the end", "a higher one"],
)
def test_other_ends_are_none(change: dict[str, str], tmp_path: Path) -> None:
    assert said(x86(tmp_path, BODY, MIDDLE.format(**RIGHT | change)), "early_eoi") == []
