"""An edge that is over before anybody takes it (8259A: a request stays no longer than its line; IHI0048B 3.2.4)."""

from pathlib import Path

from findings.guests import arm64, x86

from diagnoses.guests import certain, said

BODY = """
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    RAISE 5
    movb $0xFF, %al
mask:
    outb %al, $PIC1_DATA
    RAISE 5
    {within}
    PIC_UNMASK 5
    {behind}
"""
HANDLER = """
handler:
    LOWER 5
    PIC_EOI 5
    iret
"""


def test_the_instruction_that_masked_the_line_is_named(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY.format(within="LOWER 5", behind=""), HANDLER)
    (verdict,) = certain(m, "lost_edge")
    assert verdict.evidence[0].where == m.where("mask")
    assert "Of the 2 times it rose 1 brought an interrupt" in verdict.text


def test_a_line_that_rose_once_is_told_so(tmp_path: Path) -> None:
    body = "IDT_GATE 0x25, handler\nRAISE 5\nLOWER 5\nPIC_UNMASK 5\nsti\nhlt"
    (verdict,) = said(x86(tmp_path, body, HANDLER), "lost_edge")
    assert "It rose this once, and brought no interrupt. The machine sleeps" in verdict.text


def test_one_that_stays_until_the_unmasking_is_not_lost(tmp_path: Path) -> None:
    assert said(x86(tmp_path, BODY.format(within="", behind=""), HANDLER), "lost_edge") == []


def test_who_goes_on_has_lost_nothing(tmp_path: Path) -> None:
    assert said(x86(tmp_path, BODY.format(within="LOWER 5", behind="POWER_OFF"), HANDLER), "lost_edge") == []


def test_who_leaves_the_line_masked_does_not_want_it(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY.format(within="LOWER 5", behind="OUT_BYTE PIC1_DATA, 0xFF"), HANDLER)
    assert said(m, "lost_edge") == []


def test_a_device_of_the_board_may_have_been_asked_meanwhile(tmp_path: Path) -> None:
    """An empty transmitter interrupts when IER allows it, and no more once IIR was read (PC16550D, 8.6)."""
    again, look = "OUT_BYTE COM1_IER, 0\nOUT_BYTE COM1_IER, 2", "movw $COM1_IIR, %dx\ninb %dx, %al"
    masked = f"OUT_BYTE PIC1_DATA, 0xFF\n{again}\n{look}\nPIC_UNMASK 4"
    body = f"IDT_GATE 0x24, handler\nPIC_UNMASK 4\nsti\n{again}\nnop\n{masked}"
    m = x86(tmp_path, body, f"handler:\n{look}\nPIC_EOI 4\niret")
    (verdict,) = said(m, "lost_edge")
    assert (verdict.confidence, "2 times it rose 1 brought" in verdict.text) == ("likely", True)


def test_an_edge_triggered_input_of_a_gic_keeps_what_was_masked(tmp_path: Path) -> None:
    body = "GIC_EDGE SPI(5)\nRAISE 5\nLOWER 5\nGIC_ENABLE SPI(5)\nmsr daifclr, #DAIF_I"
    rest = "handler:\n IRQ_ENTER\n GIC_ACK x0\n GIC_EOI x0\n IRQ_LEAVE"
    assert said(arm64(tmp_path, body, rest), "lost_edge") == []
