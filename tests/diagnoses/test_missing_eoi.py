"""One end of interrupt for one acknowledge (8259A, OCW2; IHI0048B 4.4.5: another one is UNPREDICTABLE)."""

from pathlib import Path

import pytest
from findings.guests import arm64, x86

from diagnoses.guests import certain, said

X86 = "IDT_GATE 0x25, handler\nIDT_GATE 0x26, handler\nPIC_UNMASK 5\nPIC_UNMASK 6\nRAISE 5\nsti\nnop\nRAISE 6"
END = "outb %al, $PIC1"
ARM = "GIC_ENABLE SPI(5)\nRAISE 5\nmsr daifclr, #DAIF_I"


@pytest.mark.parametrize(("ends", "confidence"), [(0, "certain"), (2, "likely")])
def test_an_8259a(ends: int, confidence: str, tmp_path: Path) -> None:
    last = f"again: {END}" if ends == 2 else "nop"
    first = END if ends else "nop"
    m = x86(tmp_path, X86, f"handler:\n LOWER 5\n LOWER 6\n movb $0x20, %al\n{first}\n{last}\nback: iret")
    verdict, *others = said(m, "missing_eoi")
    assert (verdict.confidence, others) == (confidence, [])
    assert verdict.evidence[0].where == m.where("again" if ends == 2 else "back")


def test_a_gic(tmp_path: Path) -> None:
    rest = "handler:\n IRQ_ENTER\n GIC_ACK x0\n LOWER 5\n GIC_EOI x0\n ldr x1, =(GICC+GICC_EOIR)\nagain:\n"
    rest += " str w0, [x1]\n IRQ_LEAVE"
    m = arm64(tmp_path, ARM, rest)
    (verdict,) = certain(m, "missing_eoi")
    assert verdict.evidence[0].where == m.where("again")
    assert "one end of interrupt too many" in verdict.text


@pytest.mark.parametrize("ends", [f"{END}", "PIC_EOI 5"])
def test_one_each_is_right(ends: str, tmp_path: Path) -> None:
    m = x86(tmp_path, X86, f"handler:\n LOWER 5\n LOWER 6\n movb $0x20, %al\n{ends}\niret")
    assert said(m, "missing_eoi") == []
