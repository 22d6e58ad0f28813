"""How a run's events come to diagnoses: all of them, or honestly the last."""

from pathlib import Path

import pytest
from findings.guests import x86

from vmm.diagnoses import diagnosed
from vmm.diagnoses.executions import WANTS

BODY = """
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
begin:
    jmp begin
"""
HANDLER = """
handler:
    movb $0x20, %al
    outb %al, $0x20
    iret
"""


def test_of_very_many_events_the_last_are_looked_at_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = x86(tmp_path, BODY, HANDLER)
    with m.diagnose("handler_time=2insns") as diagnoses:
        m.run(until="begin")
        for _ in range(10):
            m.irq(5).until_served()
            m.run(insns=50)
        assert diagnoses.looked().note == ""
        assert "10 of 10 times" in diagnoses.verdicts()[0].text
        all_of = len(m.trace.of(kind=WANTS))
        last = m.trace.of(kind="delivered").insns[-3]
        kept = sum(event.insns >= last for event in m.trace.of(kind=WANTS))
        monkeypatch.setattr(diagnosed, "MOST", kept)
        looked = diagnoses.looked()
    assert looked.note == f"of {all_of} events the last {kept} were looked at, from insn {last} on"
    assert "3 of 3 times" in looked.verdicts[0].text


def test_one_that_lacks_its_budget_says_so_where_it_was_named(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLER)
    assert m.diagnose("latency").not_applied() == {"latency": "it needs a budget: latency=80us"}
    assert m.diagnose().not_applied() == {}


def test_a_handler_is_held_against_what_it_interrupted_in_its_own_history(tmp_path: Path) -> None:
    """Another one entered at the same instruction, from other registers, which the machine has gone back from."""
    m = x86(tmp_path, BODY, HANDLER)
    m.trace.compare()
    m.trace.record()
    m.run(until="begin")
    before = m.snapshot()
    m.irq(5).until_served()
    m.run(until="handler")
    inside = m.snapshot()
    m.restore(before)
    m.cpu["rbx"] = m.cpu["rbx"] + 1
    m.irq(5).until_served()
    m.run(until="handler")
    m.restore(inside)
    m.run(until="begin")
    assert [(event.kind, event.number) for event in m.trace.of(kind=("returned", "registers changed"))] == [
        ("registers changed", 1 << 0),  # AL, which the handler itself writes
        ("returned", 0x25),
    ]
