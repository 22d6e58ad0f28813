"""What a check says as text, beside values in memory: registers, places that no run comes to, what the console says.
Which boundaries fail is worked out from the source.
"""

from __future__ import annotations

from functools import cache

import pytest

import vmm
from placements.exploring import assembled
from placements.test_same_verdict import agree
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.placements.predicate import terms

image = cache(assembled)
REDUCTION = pytest.mark.parametrize("reduction", [True, False], ids=["shared", "whole"])

# ---- registers ----

X86 = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x40, handler
    sti
    nop
begin:
    movl    $0x1ff, %esi
    movl    $-2, %edi
    nop
end:
    cli
over:
    POWER_OFF
handler:
    movl    $-3, %edi
    incb    %bh
    iret
"""
A64 = """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    msr     daifclr, #DAIF_I
begin:
    mov     x20, #0x1ff
    mov     x21, #-2
    nop
end:
    msr     daifset, #DAIF_I
over:
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
    GIC_EOI x0
    mov     x21, #-3
    IRQ_LEAVE
"""
A32 = """
#include "arm/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    cpsie   i
begin:
    mov     r8, #0x1fc
    mvn     r9, #1
    nop
end:
    cpsid   i
over:
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    mvn     r9, #2
    IRQ_LEAVE
"""
MACHINES = {
    "x86": (X86, "vector:0x40", "pc,pit=off", "esi", "edi", "eip"),
    "arm64": (A64, "spi:5", "virt,gic=2", "x20", "x21", "pc"),
    "arm": (A32, "spi:5", "virt,gic=2", "r8", "r9", "pc"),
}
BOUNDARIES = 4


@pytest.mark.parametrize("architecture", MACHINES)
def test_registers_are_compared_where_a_run_ends(architecture):
    """What the handler changes the second instruction writes over: at the two boundaries behind that it stays."""
    text, inject, board, constant, changed, pc = MACHINES[architecture]
    asked = {"inject": inject, "board": board, "between": ("begin", "end"), "until": "over"}
    report = agree(image(architecture, text), check=f"s32 ${changed} == -2", **asked)
    assert (report.placements, report.failing) == (BOUNDARIES, 2)
    assert report.cause == f"s32 ${changed} == -2 does not hold"
    over = vmm.boot(image(architecture, text), board=board).address("over")
    good = f"${constant} >= 0x1fc and u8 ${constant} > 0xfb and s8 ${constant} < 0 and ${pc} == {over:#x}"
    assert agree(image(architecture, text), check=good, **asked).verdict == "proven"


def test_what_an_exception_leaves_in_a_banked_register_is_looked_at():
    """Of ARMv7's IRQ mode LR is its return's alone, unless the mode is entered again: this run ends there."""
    text = A32.replace("end:\n    cpsid   i\n", "end:\n    cpsid   i\n    cps     #0x12\n")
    asked = {"inject": "spi:5", "board": "virt,gic=2", "between": ("begin", "end"), "until": "over"}
    machine = vmm.boot(image("arm", text), board="virt,gic=2")
    third = machine.address("begin") + 8
    report = agree(image("arm", text), check=f"$lr != {third:#x}", **asked)  # IRQ_ENTER has made it where it returns to
    assert (report.placements, report.failing) == (BOUNDARIES, 1)
    assert report.least[0].placement.at.address == third


# ---- places ----

PANIC = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x40, handler
    sti
    nop
begin:
    movl    $7, %ebx
    movl    $1, %esi
    xorl    %ebx, %ebx
    nop
end:
    nop
later:
    cmpl    $1, n
    ja      panic
    POWER_OFF
panic:
    jmp     panic
handler:
    incl    n
    cmpl    $7, %ebx
    je      panic
    iret
    VAR     n
"""
HERE = {"inject": "vector:0x40", "board": "pc,pit=off", "between": ("begin", "end")}


def test_a_run_that_comes_to_such_a_place_is_over_there():
    """Within the handler, while EBX is 7: at two boundaries of five."""
    report = agree(image("x86", PANIC), check="never panic", **HERE)
    assert (report.placements, report.failing, report.cause) == (5, 2, "it comes to panic")
    assert report.story[-2].startswith("  it comes to 0x") and " panic " in report.story[-2]
    assert not any("spins" in line or "jmp" in line for line in report.story)


def test_behind_the_window_and_with_two_of_them():
    """n is 2 then, but where both come at one boundary and are one request: at the three at which EBX is not 7."""
    report = agree(image("x86", PANIC), check="never panic", depth=2, **HERE)
    assert (report.placements - report.failing, report.cause) == (3 + 3, "it comes to panic")


@REDUCTION
def test_the_sample_and_the_recording_end_there_too(tmp_path, reduction):
    record = tmp_path / "least.vmmrec"
    report = vmm.explore(image("x86", PANIC), check="never panic", record=record, reduction=reduction, **HERE)
    replay = vmm.replay(record)
    replay.run()
    assert replay.machine.cpu.pc == replay.machine.address("panic")
    drawn = vmm.explore(image("x86", PANIC), check="never panic", sample=4, **HERE)
    assert drawn.cause == report.cause and drawn.least == report.least


def test_several_places_are_told_apart():
    report = agree(image("x86", PANIC), check="never panic and never handler", **HERE)
    assert (report.failing, report.cause) == (5, "it comes to handler")


# ---- the console ----

SAYS = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x40, handler
    movw    $0x3f8, %dx
    movb    $'A', %al
    outb    %al, %dx                    # before the window nobody listens
    sti
    nop
begin:
    movb    $'A', %al
    outb    %al, %dx
    outb    %al, %dx
    movb    $'B', %al
    outb    %al, %dx
    nop
end:
    cli
    POWER_OFF
handler:
    pushl   %eax
    movb    $'-', %al
    outb    %al, %dx
    popl    %eax
    iret
"""
SAID = ["-AAB", "-AAB", "A-AB", "AA-B", "AA-B", "AAB-", "AAB-"]
"""With the interrupt at each of the window's boundaries in turn."""


@pytest.mark.parametrize("phrase", ["AAB", "A-A", "-", "AA", "B-", "AAAB", "-A", "AB-", "A"])
def test_what_was_said_is_part_of_a_state(phrase):
    """Two runs that have said other things end in one state of all else."""
    asked = {**HERE, "inject": "vector:0x40"}
    without = [phrase not in said for said in SAID]
    report = agree(image("x86", SAYS), check=f'says "{phrase}"', **asked)
    assert (report.placements, report.failing) == (len(SAID), sum(without))
    assert not report.failing or report.cause == f'it does not say "{phrase}"'
    report = agree(image("x86", SAYS), check=f'never says "{phrase}"', **asked)
    assert report.failing == len(SAID) - sum(without)
    assert not report.failing or report.cause == f'it says "{phrase}"'


@pytest.mark.parametrize("text", ["AAAB", "AABAABAAC", "ABABABC", "ABCABD", "AAAAA", "\nPASS\n", "xPASPASS"])
def test_a_phrase_is_found_wherever_it_begins(text):
    """As Python finds it: in what a guest says behind its window, each end of the text among other ends."""
    lines = [f"    movb    ${ord(each)}, %al\n    outb    %al, %dx\n" for each in text]
    guest = SAYS.replace("    cli\n", "    cli\n" + "".join(lines))
    phrases = sorted({text[first:last] for first in range(len(text)) for last in range(first + 1, len(text) + 1)})
    said = [f'says "{each}"'.replace("\n", r"\n") for each in phrases]
    more = [f'never says "{each}Z"'.replace("\n", r"\n") for each in phrases]
    for first in range(0, len(phrases), 4):
        assert vmm.explore(image("x86", guest), check=said[first : first + 4] + more[first : first + 4], **HERE)


def test_whoever_else_listens_hears_all_of_it():
    heard = []
    vmm.explore(image("x86", SAYS), check='says "B"', console=heard.append, **HERE)
    assert b"AAB" in b"".join(heard)


def test_what_must_not_be_said_is_why_however_the_run_ends():
    text = SAYS.replace("    cli\n    POWER_OFF", "    cli\n    jmp     .")
    report = vmm.explore(image("x86", text), check=['never says "-A"', 'says "AAB"'], insns=50, **HERE)
    assert report.failing == len(SAID)
    told = [failure.boundaries for failure in report.failures if failure.cause == 'it says "-A"']
    assert sum(told) == sum("-A" in said for said in SAID)


# ---- as text ----


def test_and_joins_but_not_within_quotes():
    found = terms('n == 2 and says "this and that" and never u8 and $eax < 1')
    assert [(each.kind, each.where) for each in found] == [
        (lib.VMM_TERM_MEMORY, "n"), (lib.VMM_TERM_SENT, "this and that"), (lib.VMM_TERM_NEVER, "u8"),
        (lib.VMM_TERM_REGISTER, "eax"),
    ]  # fmt: skip


def test_a_place_that_the_undisturbed_run_comes_to_within_the_window():
    with pytest.raises(VmmError, match=r"^undisturbed, the guest comes to end-1, before end$"):
        vmm.explore(image("x86", PANIC), check="never end-1", **HERE)


def test_a_campaign_and_workers_know_them(tmp_path):
    checks = ["never panic", '$esi == 1 and never says "x"']
    whole = vmm.explore(image("x86", PANIC), check=checks, **HERE)
    parted = vmm.explore(image("x86", PANIC), check=checks, jobs=2, **HERE)
    assert (parted.failing, parted.cause, parted.least) == (whole.failing, whole.cause, whole.least)
    file = tmp_path / "campaign"
    vmm.explore(image("x86", PANIC), check=checks, campaign=file, runs=2, **HERE)
    again = vmm.explore(image("x86", PANIC), check=checks, campaign=file, **HERE)
    assert (again.failing, again.cause, again.least) == (whole.failing, whole.cause, whole.least)
