"""What is behind a spurious interrupt: a request must stay until it is acknowledged (8259A, "Interrupt Sequence")."""

from pathlib import Path

from findings.guests import arm64, x86

from diagnoses.guests import said

X86 = """
    IDT_GATE 0x27, spurious
    IDT_GATE 0x25, real
    PIC_UNMASK 5
    RAISE 5
    movw $(TEST_LINE+5), %dx
    movb $0, %al
    {}
    sti
"""
HANDLERS = "spurious:\n iret\nreal:\n LOWER 5\n PIC_EOI 5\n iret"


def test_the_line_that_fell_too_early_is_named(tmp_path: Path) -> None:
    m = x86(tmp_path, X86.format("fall: outb %al, %dx"), HANDLERS)
    (verdict,) = said(m, "spurious")
    assert (verdict.confidence, verdict.evidence[0].where) == ("likely", m.where("fall"))
    assert "vector 0x27" in verdict.text
    assert "IRQ 5 rose at insn" in verdict.text


def test_a_real_one_is_none(tmp_path: Path) -> None:
    assert said(x86(tmp_path, X86.format("nop"), HANDLERS), "spurious") == []


def test_a_handler_may_ask_until_there_is_nothing_left(tmp_path: Path) -> None:
    rest = "handler:\n IRQ_ENTER\n GIC_ACK x0\n LOWER 5\n GIC_EOI x0\n GIC_ACK x0\n IRQ_LEAVE"
    m = arm64(tmp_path, "GIC_ENABLE SPI(5)\nRAISE 5\nmsr daifclr, #DAIF_I", rest)
    assert said(m, "spurious") == []


def test_who_asks_a_gic_for_nothing_gets_1023(tmp_path: Path) -> None:
    (verdict,) = said(arm64(tmp_path, "GIC_ACK x0"), "spurious")
    assert "INTID 1023" in verdict.text
    assert "nothing requested" in verdict.text
