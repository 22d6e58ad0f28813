"""How a run's events come to diagnoses: all of them, or honestly the last."""

from pathlib import Path

import pytest
from findings.guests import x86

import vmm
from vmm.diagnoses import diagnosed
from vmm.diagnoses.executions import WANTS
from vmm.diagnoses.table import NAMES, chosen, diagnosis
from vmm.errors import VmmError

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


@pytest.mark.parametrize("name", [name for name in NAMES if diagnosis(name).NEEDED])
def test_one_that_lacks_its_budget_is_refused_where_it_is_named(tmp_path: Path, name: str) -> None:
    m = x86(tmp_path, BODY, HANDLER)
    with pytest.raises(VmmError, match=rf"^{name} needs a budget: {name}={diagnosis(name).BUDGET}$"):
        m.diagnose(name)
    with pytest.raises(VmmError, match=rf"^{name} needs a budget"):
        m.diagnose("all", name)
    assert m.diagnose().not_applied() == {}


@pytest.mark.parametrize("name", [name for name in NAMES if diagnosis(name).BUDGET and not diagnosis(name).SYMBOL])
@pytest.mark.parametrize("text", ["", "80", "us", "-1us", "80parsecs", "1.5insns", "nan us"])
def test_a_budget_is_a_number_with_its_unit(name: str, text: str) -> None:
    with pytest.raises(VmmError, match="a budget is a number with its unit"):
        chosen([f"{name}={text}"])


NO_WORK = "no device of this board tells of work that it has for its driver: a NIC does (--board …,nic=on)"
LACKING = {
    "x86/first_isr": {
        "unanswered_ipi": "there is one vCPU",
        "livelock": "the CPU has no transactions; --cpu max,+rtm has",
        "stack": "the image has no symbol stack_guard or guard",
        "late_service": NO_WORK,
    },
    "arm64/first_isr": {
        "unanswered_ipi": "there is one vCPU",
        "livelock": "it is about transactions, which are x86's here",
        "stack": "the image has no symbol stack_guard or guard",
        "foreign_vector": "an ARM guest's SVCs and exceptions have vectors that no interrupt can have",
        "late_service": NO_WORK,
    },
}
"""What says nothing there. All others are of what every board has: lines, a controller, handlers, masks, memory."""


@pytest.mark.parametrize("image", LACKING)
@pytest.mark.parametrize("board", ["", ",nic=on"])
def test_what_cannot_apply_to_a_board_is_said(image: str, board: str) -> None:
    words = [name if not diagnosis(name).NEEDED else f"{name}=9us" for name in NAMES if not diagnosis(name).SYMBOL]
    at = "pc" if image.startswith("x86") else "virt"
    m = vmm.boot(image, board=at + board, console=None)
    lacking = {name: why for name, why in LACKING[image].items() if not board or name != "late_service"}
    assert m.diagnose(*words).not_applied() == lacking
    assert [*chosen(words)] == [name for name in NAMES if not diagnosis(name).SYMBOL]


def test_an_old_cpu_has_no_transactions_and_a_new_one_with_them_is_looked_at() -> None:
    for cpu, lacks in (("486", True), ("max,+rtm", False)):
        m = vmm.boot("x86/first_isr", cpu=cpu, console=None)
        assert ("livelock" in m.diagnose("livelock").not_applied()) == lacks


def test_what_looks_at_the_end_of_a_run_says_that_there_was_none() -> None:
    m = vmm.boot("x86/first_isr", console=None)
    diagnoses = m.diagnose("lost_wakeup", "missing_eoi")
    m.run(insns=100)
    (why,) = diagnoses.not_applied().values()
    assert why.startswith("it looks at how a run ends, and this one was stopped: count: ")
    m.run()
    assert diagnoses.not_applied() == {}


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
