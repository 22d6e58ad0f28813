"""Explorations whose runs are diagnosed. Which placements fail is worked out by hand, or told by the guests: they count
what they do wrong, which an exploration without any diagnosis can ask for.
"""

from __future__ import annotations

from functools import cache

import pytest

import vmm
from placements.exploring import assembled, explored
from vmm.errors import VmmError
from vmm.scenario.triggers import NextBoundary

X86 = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, mouse
    IDT_GATE 0x26, clock
    PIC_UNMASK 5
    PIC_UNMASK 6
    sti
    nop
begin:
    movl    $1, busy
    nop
    nop
    movl    $0, busy
end:
    RAISE   6
    nop
    POWER_OFF
mouse:
    cmpl    $0, busy
    jne     still
    push    %eax
    PIC_EOI 5
    pop     %eax
    iret
still:
    incl    forgot
    iret
clock:
    iret
    VAR     busy
    VAR     forgot
"""
ARM64 = """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE SPI(6)
    ldr     x20, =busy
    mov     w21, #1
    msr     daifclr, #2
    nop
begin:
    str     w21, [x20]
    nop
    nop
    str     wzr, [x20]
end:
    GIC_PEND SPI(6)
    nop
    POWER_OFF
handler:
    GIC_ACK x5
    cmp     x5, #SPI(6)
    b.eq    clock
    ldr     w6, [x20]
    cbnz    w6, still
    GIC_EOI x5
    eret
still:
    ldr     x7, =forgot
    ldr     w6, [x7]
    add     w6, w6, #1
    str     w6, [x7]
clock:
    eret
    VAR     busy
    VAR     forgot
"""
GUESTS = {"x86": (X86, "irq:5", "pc,pit=off"), "arm64": (ARM64, "spi:5", "virt,gic=2")}
FORGETS = (1, 2, 3)
"""Boundaries from `begin` on at which `busy` is 1."""
SMASHES = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x23, inner
    IDT_GATE 0x25, outer
    PIC_UNMASK 3
    PIC_UNMASK 5
    sti
    nop
begin:
    movl    $7, %ebx
    nop
    nop
end:
    nop
    POWER_OFF
outer:
    movl    $0, came
    sti                                 # IRQ 3 is more urgent
    nop
    cli
    cmpl    $0, came
    je      well
    movl    $0xfffffff0, (%esp)         # beyond the code segment's memory
well:
    push    %eax
    PIC_EOI 5
    pop     %eax
    iret
inner:
    movl    $1, came
    push    %eax
    PIC_EOI 3
    pop     %eax
    iret
    VAR     came
"""


@cache
def built(architecture, text):
    return assembled(architecture, text)


def asked(architecture, **more):
    """What is explored of a guest that forgets an end of interrupt."""
    text, inject, board = GUESTS[architecture]
    return {
        "image": built(architecture, text), "inject": inject, "board": board, "between": ("begin", "end"), **more
    }  # fmt: skip


def diagnosed_alone(image, inject, board, at):
    """What is certain of a machine's run in which just one interrupt comes, `at` boundaries behind `begin`."""
    m = vmm.boot(image, board=board, console=None)
    with m.diagnose() as diagnoses:
        m.run(until="begin")
        for _ in range(at):
            m.run(until=NextBoundary())
        number = int(inject.partition(":")[2])
        (m.irq if inject.startswith("irq") else m.spi)(number).until_served()
        m.run()
        return [str(each) for each in diagnoses.verdicts() if each.certain]


@pytest.mark.parametrize("architecture", GUESTS)
def test_a_certain_diagnosis_is_a_failure_told_with_its_words(architecture):
    wanted = asked(architecture)
    report, rows = explored(**wanted, diagnose="all")
    assert [number for number, row in enumerate(rows) if row.cause] == list(FORGETS)
    assert {row.cause for row in rows if row.cause} == {"missing_eoi"}
    (alone,) = diagnosed_alone(wanted["image"], wanted["inject"], wanted["board"], FORGETS[0])
    assert report.cause == report.failures[0].cause == f"missing_eoi: {alone}"
    assert len(report.failures) == 1, "one cause, though each run has its own instruction counts"
    assert report.failures[0].boundaries == len(FORGETS)
    assert "reduction off, for diagnoses look at whole runs" in str(report)


@pytest.mark.parametrize("architecture", GUESTS)
def test_with_two_interrupts_those_fail_that_the_guest_says(architecture):
    _, rows = explored(**asked(architecture, depth=2), diagnose="missing_eoi")
    _, told = explored(**asked(architecture, depth=2), check="forgot == 0")
    assert [(row.placements, row.failing, row.least) for row in rows] == [
        (row.placements, row.failing, row.least) for row in told
    ]
    assert 0 < sum(row.failing for row in rows) < sum(row.placements for row in rows)


def test_a_frame_is_held_against_the_one_of_its_own_history():
    """Handlers at the same depth and count that other placements brought about were entered from elsewhere."""
    image = assembled("x86", SMASHES)
    wanted = {"inject": ["irq:5", "irq:3"], "board": "pc,pit=off", "between": ("begin", "end"), "depth": 2}
    _, rows = explored(image, **wanted, diagnose="frame")
    _, told = explored(image, **wanted)
    assert [(row.placements, row.failing, row.least) for row in rows] == [
        (row.placements, row.failing, row.least) for row in told
    ]
    report = vmm.explore(image, **wanted, diagnose="frame")
    assert report.cause.startswith("frame: the handler of IRQ 5 returns through a frame that was not delivered so")


def test_reduction_and_workers_change_no_verdict():
    wanted = asked("x86", depth=2, diagnose="missing_eoi,reentry")
    reports = [vmm.explore(**wanted, **how) for how in ({}, {"reduction": False}, {"jobs": 2})]
    first, *others = [
        {name: value for name, value in report.plain().items() if name not in ("seconds", "workers")}
        for report in reports
    ]
    assert all(each == first for each in others)
    assert first["verdict"] == "counterexample"


def test_what_no_diagnosis_is_certain_of_is_proven():
    report = vmm.explore(**asked("x86", diagnose=["lost_edge", "frame"]))
    assert report.verdict == "proven"
    assert "no diagnosis is certain; what is likely fails nothing" in str(report)


def test_what_cannot_say_anything_here_is_told_and_a_wrong_name_refused():
    report = vmm.explore(**asked("x86", diagnose="unanswered_ipi,missing_eoi"))
    said = str(report).splitlines()
    assert "unanswered_ipi: not looked for: there is one vCPU" in said
    with pytest.raises(VmmError, match="latency needs a budget: latency=80us"):
        vmm.explore(**asked("x86", diagnose="latency"))
    with pytest.raises(VmmError, match="missing_eoi"):
        vmm.explore(**asked("x86", diagnose="missing_eio"))


def test_a_check_and_a_diagnosis_are_both_asked():
    report, rows = explored(**asked("x86", diagnose="missing_eoi", check="busy == 1"))
    assert [row.cause.partition(" ")[0] for row in rows] == ["busy", *["missing_eoi"] * len(FORGETS), "busy"]
    assert len(report.failures) == 3


def test_a_campaign_goes_on_with_its_own_diagnoses_only(tmp_path):
    kept = tmp_path / "kept.campaign"
    first = vmm.explore(**asked("x86", diagnose="missing_eoi", campaign=kept))
    again = vmm.explore(**asked("x86", diagnose="missing_eoi", campaign=kept))
    assert (again.cause, again.failing) == (first.cause, first.failing)
    with pytest.raises(VmmError, match="diagnose"):
        vmm.explore(**asked("x86", diagnose="frame", campaign=kept))
