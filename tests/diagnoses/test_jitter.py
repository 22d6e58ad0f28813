"""How late a periodic interrupt is, worked out by hand: code that masks it for so many instructions."""

from pathlib import Path

import pytest
from findings.guests import x86

import vmm

BODY = """
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
loop:
    .rept 60
    nop
    .endr
mask:
    cli
    .rept {masked}
    nop
    .endr
    sti
    jmp loop                            # in the shadow of STI
"""
HANDLER = """
handler:
    movb $0x20, %al
    outb %al, $0x20
    iret
"""


def looked(folder: Path, budget: str, masked: int, stimulus: vmm.Periodic | vmm.Sequence):
    m = x86(folder, BODY.format(masked=masked), HANDLER)
    m.run(until="loop")
    m.stimulate(m.irq(5), stimulus)
    with m.diagnose(f"jitter={budget}") as diagnoses:
        m.run(insns=40_000)
        return m, diagnoses.looked()


@pytest.mark.parametrize(
    ("budget", "wrong"), [("11insns", True), ("12insns", False), ("110ns", True), ("120ns", False)]
)
def test_the_difference_is_counted_to_the_instruction(budget: str, wrong: bool, tmp_path: Path) -> None:
    # The period has no factor in common with the loop's length, 60 + 1 + 10 + 2: a request comes at each of its
    # instructions. The latest comes right behind CLI, before 10 NOPs, STI and the jump in its shadow.
    m, found = looked(tmp_path, budget, 10, vmm.Periodic(period=111))
    assert [verdict.confidence for verdict in found.verdicts] == ["certain"] * wrong
    assert "late min 0.00 us avg" in found.figures["jitter"][0] and "max 0.12 us" in found.figures["jitter"][0]
    for verdict in found.verdicts:
        assert "waited for 12 instructions that mask and 0 of other handlers" in verdict.text
        assert verdict.evidence[0].where == m.where("mask")


def test_what_has_no_period_has_no_jitter(tmp_path: Path) -> None:
    times = [n * n * 37 for n in range(1, 30)]
    _, found = looked(tmp_path, "1insns", 10, vmm.Sequence(times))
    assert (found.verdicts, found.figures) == ([], {})


def test_too_few_have_none_either(tmp_path: Path) -> None:
    _, found = looked(tmp_path, "1insns", 10, vmm.Sequence([111 * n for n in range(1, 8)]))
    assert (found.verdicts, found.figures) == ([], {})


def test_the_histogram_adds_up(tmp_path: Path) -> None:
    _, found = looked(tmp_path, "1insns", 10, vmm.Periodic(period=111))
    head, *rows = found.figures["jitter"]
    assert sum(int(row.split("#")[0].split()[-1]) for row in rows) == int(head.split(": ")[1].split()[0])
