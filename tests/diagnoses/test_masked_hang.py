"""An NMI finds code that has masked interrupts, and that something waits behind (SDM vol. 3A 6.7)."""

from pathlib import Path
from typing import Any

import pytest
from findings.guests import x86

from vmm.diagnoses.diagnosis import Verdict

BODY = """
    IDT_GATE VECTOR_NMI, nmi
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
mask:
    cli
    {wants}
hang:
    cmpl $0, count
    je hang
    {then}
"""
HANDLERS = """
nmi:
    {answer}
    iret
handler:
    LOWER 5
    PIC_EOI 5
    iret
"""
LONG = 20_000


def found(
    folder: Path, name: str = "masked_hang", *, wants: str = "RAISE 5", answer: str = "", insns: int = LONG
) -> list[Verdict]:
    m = x86(folder, BODY.format(wants=wants, then="sti\n nop"), HANDLERS.format(answer=answer))
    with m.diagnose(name) as diagnoses:
        m.run(until="hang")
        m.run(insns=insns)
        m.nmi()
        m.run(insns=100)
        verdicts = diagnoses.verdicts()
    for verdict in verdicts:
        assert verdict.certain
        assert [each.where for each in verdict.evidence[:2]] == [m.where("hang"), m.where("mask")]
    return verdicts


def test_the_place_that_hangs_is_named_and_who_masked(tmp_path: Path) -> None:
    (verdict,) = found(tmp_path)
    assert "IRQ 5 cannot get in" in verdict.text


@pytest.mark.parametrize(
    "otherwise",
    [{"answer": "incl count"}, {"insns": 200}, {"wants": ""}, {"wants": "OUT_BYTE PIC1_DATA, 0xFF\nRAISE 5"}],
    ids=["goes on", "not for long", "nobody waits", "what waits is masked"],
)
def test_other_critical_sections_do_not_hang(otherwise: dict[str, Any], tmp_path: Path) -> None:
    assert found(tmp_path, **otherwise) == []


@pytest.mark.parametrize("budget", ["100insns", "1us"])
def test_how_long_is_allowed_can_be_said(budget: str, tmp_path: Path) -> None:
    assert found(tmp_path, f"masked_hang={budget}", insns=200) != []
