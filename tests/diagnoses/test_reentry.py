"""A handler that lets its own kind in: end of interrupt first, then IF, then what is left to do."""

from pathlib import Path

import pytest
from findings.guests import x86

from diagnoses.guests import said

BODY = """
    IDT_GATE 0x25, handler
    IDT_GATE 0x26, other
    PIC_UNMASK 5
    PIC_UNMASK 6
    RAISE 5
    sti
"""
HANDLER = """
handler:
    incl count
    LOWER 5
    PIC_EOI 5
door:
    sti
    cmpl ${times}, count
    jae 1f
inside:
    RAISE {again}
    nop
1:
    cli
    iret
other:
    LOWER 6
    PIC_EOI 6
    iret
"""


@pytest.mark.parametrize(("times", "confidence"), [(3, ["certain"]), (2, ["likely"]), (1, [])])
def test_it_is_certain_where_nothing_keeps_it_out(times: int, confidence: list[str], tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLER.format(times=times, again=5))
    verdicts = said(m, "reentry")
    assert [verdict.confidence for verdict in verdicts] == confidence
    for verdict in verdicts:
        assert verdict.evidence[0].where == m.where("door")
        assert f"{times} times at once" in verdict.text


def test_another_source_may_nest(tmp_path: Path) -> None:
    assert said(x86(tmp_path, BODY, HANDLER.format(times=3, again=6)), "reentry") == []
