"""Responses in their parts, each counted by hand in the guest's source."""

from pathlib import Path

import pytest
from findings.guests import arm64, x86

from diagnoses.guests import said

BODY = """
    IDT_GATE 0x25, high
    IDT_GATE 0x26, low
    PIC_UNMASK 5
    PIC_UNMASK 6
    sti
    nop
mask:
    cli
masked:
    .rept 7
    nop
    .endr
unmask:
    sti
    nop                                 # the shadow of STI
    cli
    POWER_OFF
"""
HANDLERS = """
high:
    .rept 30
    nop
    .endr
    movb $0x20, %al
    outb %al, $0x20
    iret
low:
    nop
    nop
    movb $0x20, %al
    outb %al, $0x20
    iret
"""
MASKED, ENTRY = 7 + 2, 4
NESTED = 30 + 3


@pytest.mark.parametrize(("budget", "late"), [("13insns", False), ("12insns", True), ("130ns", False), ("129ns", True)])
def test_masked_and_entry_add_up_to_the_instruction(budget: str, late: bool, tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLERS)
    m.run(until="mask")
    with m.diagnose(f"latency={budget}") as diagnoses:
        m.run(until="masked")
        m.irq(6).pulse()
        m.run()
        verdicts, figures = diagnoses.verdicts(), diagnoses.looked().figures
    assert [verdict.confidence for verdict in verdicts] == ["certain"] * late
    assert any(f"{MASKED} masked + 0 nested + {ENTRY} entry = {MASKED + ENTRY}" in line for line in figures["latency"])
    for verdict in verdicts:
        guilty, entered, opened = verdict.evidence
        assert [guilty.where, entered.where, opened.where] == [m.where(label) for label in ("mask", "low", "unmask")]


def test_what_another_handler_takes_is_nested(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLERS)
    m.run(until="masked")
    with m.diagnose("latency=45insns") as diagnoses:
        m.irq(5).pulse()
        m.irq(6).pulse()
        m.run()
        (verdict,) = diagnoses.verdicts()
    assert verdict.certain
    assert f"{MASKED} masked + {NESTED} nested + {ENTRY} entry" in verdict.text
    assert f"at most {45 - NESTED - ENTRY} instructions may be masked" in verdict.text
    assert verdict.evidence[0].where == m.where("high"), "the largest part"


def test_a_budget_that_the_other_parts_exceed_leaves_nothing_for_a_mask(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLERS)
    m.run(until="masked")
    with m.diagnose("latency=36insns") as diagnoses:
        m.irq(5).pulse()
        m.irq(6).pulse()
        m.run()
        verdict = diagnoses.verdicts()[-1]
    assert verdict.text.startswith("vector 0x26")
    assert "without any mask it would be late, too" in verdict.text


def test_without_a_budget_nothing_is_said(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLERS)
    m.run(until="masked")
    m.irq(6).pulse()
    assert [each for each in said(m, "all") if each.diagnosis == "latency"] == []


def test_an_exception_handler_is_code_that_masks_and_no_nested_interrupt(tmp_path: Path) -> None:
    body = "    IDT_GATE 0x30, soft" + BODY.replace("masked:", "masked:\n    int $0x30", 1)
    m = x86(tmp_path, body, HANDLERS + "soft:\n    nop\n    iret\n")
    with m.diagnose("latency=10insns") as diagnoses:
        m.run(until="masked")
        m.irq(6).pulse()
        m.run()
        (verdict,) = diagnoses.verdicts()
    assert f"{MASKED + 3} masked + 0 nested" in verdict.text


ARM_BODY = """
    GIC_ENABLE SPI(5)
    msr daifclr, #DAIF_I
mask:
    msr daifset, #DAIF_I
masked:
    nop
    nop
    nop
    msr daifclr, #DAIF_I
    POWER_OFF
"""
ARM_HANDLER = """
handler:
    nop
    ldr x10, =GICC+GICC_IAR
    ldr w0, [x10]
    str w0, [x10, #4]
    eret
"""


def test_on_arm_the_acknowledge_is_the_answer(tmp_path: Path) -> None:
    m = arm64(tmp_path, ARM_BODY, ARM_HANDLER)
    with m.diagnose("latency=1insns") as diagnoses:
        m.run(until="masked")
        m.irq(5).until_served()
        m.run()
        (verdict,) = diagnoses.verdicts()
    # three NOPs and the unmask; the branch of the vector table, NOP, LDR, and the LDR that acknowledges
    assert "4 masked + 0 nested + 4 entry" in verdict.text
    assert m.where("mask") in [each.where for each in verdict.evidence]
