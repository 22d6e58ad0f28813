"""Runs that never end are known by a state that comes again: at once, however many instructions they may take, and
where they would have ended. What waits for a time, or asks for it, is no such run.
"""

from __future__ import annotations

import functools
from unittest import mock

import pytest

import vmm
from placements.exploring import ARCHITECTURES, asked_for, assembled, built, explored
from vmm.placements.judge import SPINS, Judge

MANY = 10**12
"""Instructions: hours."""
X86 = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x20, tick
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
begin:
    nop
end:
    cmpl    $0, n
    je      over
    SPINS
over:
    POWER_OFF
tick:
    incl    ticked
    PIC_EOI 0
    iret
handler:
    incl    n
    PIC_EOI 5
    iret
    VAR     n
    VAR     ticked
"""
ARM64 = """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE TIMER_IRQ
    ldr     x20, =n
    msr     daifclr, #DAIF_I
begin:
    nop
end:
    ldr     w0, [x20]
    cbz     w0, over
    SPINS
over:
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
    msr     cntv_ctl_el0, xzr
    ldr     w1, [x20]
    add     w1, w1, #1
    str     w1, [x20]
    GIC_EOI x0
    IRQ_LEAVE
    VAR     n
"""
ENDS = {
    "x86: a count": "    movl $30000, %ecx\n1:  loop 1b\n",
    "x86: a count in memory": "    movl $30000, ticked\n1:  decl ticked\n    jnz 1b\n",
    "x86: a count in a count": "    movl $300, %ecx\n2:  movl $100, %edx\n1:  decl %edx\n    jnz 1b\n    loop 2b\n",
    "x86: TSC": "1:  rdtsc\n    cmpl $600000, %eax\n    movl $0, %eax\n    jb 1b\n",
    "x86: TSC as an MSR": "    movl $0x10, %ecx\n1:  rdmsr\n    cmpl $600000, %eax\n    movl $0, %eax\n    jb 1b\n",
    "x86: PM timer": "    movw $0x608, %dx\n1:  inl %dx, %eax\n    cmpl $2000, %eax\n    movl $0, %eax\n    jb 1b\n",
    "arm64: a count": "    ldr x1, =30000\n1:  subs x1, x1, #1\n    b.ne 1b\n",
    "arm64: CNTVCT": "    ldr x2, =40000\n1:  mrs x1, cntvct_el0\n    cmp x1, x2\n    mov x1, #0\n    b.lo 1b\n",
    "arm64: CNTV_CTL": (
        "    msr daifset, #DAIF_I\n    ldr x1, =40000\n    msr cntv_tval_el0, x1\n"
        "    mov x1, #3\n    msr cntv_ctl_el0, x1\n"
        "1:  mrs x1, cntv_ctl_el0\n    tst x1, #4\n    mov x1, #0\n    b.eq 1b\n"
    ),
    "arm64: PMCCNTR": (
        "    mov x1, #0x41\n    msr pmcr_el0, x1\n    mov x1, #1 << 31\n    msr pmcntenset_el0, x1\n"
        "    ldr x2, =30000\n"
        "1:  mrs x1, pmccntr_el0\n    cmp x1, x2\n    mov x1, #0\n    b.lo 1b\n"
    ),
    "arm64: a timer's interrupt": (
        "    ldr x1, =20000\n    msr cntv_tval_el0, x1\n    mov x1, #1\n    msr cntv_ctl_el0, x1\n"
        "1:  ldr w1, [x20]\n    cmp w1, #2\n    b.lo 1b\n"
    ),
}  # fmt: skip
"""Loops that are left after some tens of thousands of instructions."""
NEVER = {
    "x86: at one place": "1:  jmp 1b\n",
    "x86: in turn": "1:  xorl $1, ticked\n    incb %al\n    jmp 1b\n",
    "x86: with a string": "1:  movl $ticked, %edi\n    movl $3, %ecx\n    rep stosb\n    jmp 1b\n",
    "x86: with calls": "1:  call 2f\n    jmp 1b\n2:  pushl %eax\n    popl %edx\n    ret\n",
    "arm64: at one place": "1:  b 1b\n",
    "arm64: with stores": "1:  str w1, [x20, #4]\n    eor w1, w1, #1\n    b 1b\n",
}
"""Of the second the states come again when AL has gone round, twice for both: after 256 rounds."""


@functools.cache
def image(spins):
    architecture, _, code = spins
    text = X86 if architecture == "x86" else ARM64
    return assembled(architecture, text.replace("    SPINS\n", code))


def guest(name, codes):
    architecture = name.partition(":")[0]
    return image((architecture, name, codes[name])), {
        "inject": "irq:5" if architecture == "x86" else "spi:5", "between": ("begin", "end"),
        "board": "pc,pit=off" if architecture == "x86" else "virt,gic=2",
    }  # fmt: skip


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_deadlock_is_told_at_once(architecture):
    asked = asked_for(architecture, "lock_deadlock", insns=MANY)
    report, rows = explored(built(architecture, "lock_deadlock"), **asked)
    assert rows == explored(built(architecture, "lock_deadlock"), reduction=False, **asked)[1]
    assert report.verdict == "counterexample"
    assert f"within {MANY} instructions" in report.cause
    assert report.cause.endswith("it spins for ever, through states that come again and again")


def seen(machine):
    return (
        machine.instructions,
        machine.now_ns,
        [(name, machine.cpu[name]) for name in machine.cpu],
        machine.u32("n"),
        machine.read("n", 16),
    )


@pytest.mark.parametrize("name", NEVER)
def test_it_ends_where_it_would_have(name):
    """In the state, and at the time, of a run in one piece; the window's last boundary is judged first."""
    built_image, asked = guest(name, NEVER)
    for insns in (100_001, 100_002, 100_003):
        ends = []
        words = Judge.words

        def judged(judge, *ending, ends=ends, words=words):
            ends.append(seen(judge.machine))
            return words(judge, *ending)

        with mock.patch.object(Judge, "words", judged):
            assert SPINS in vmm.explore(built_image, insns=insns, **asked).cause
        machine = vmm.boot(built_image, console=None, board=asked["board"])
        machine.run(until="begin")
        machine.run(insns=1)
        (machine.irq if machine.architecture == "x86" else machine.spi)(5).until_served()
        machine.run(insns=insns - 1)
        assert ends[0] == seen(machine)


@pytest.mark.parametrize("name", ENDS)
def test_what_comes_to_an_end_does(name):
    built_image, asked = guest(name, ENDS)
    report = vmm.explore(built_image, insns=1_000_000, deadline="1ms", **asked)
    assert report.verdict == "proven"
    assert report.longest.value > 200_000  # ns, of 10 each: more than what is not looked at


def test_where_a_timer_runs_nothing_is_known():
    """The 8254's tick may change it, so that a run has all its instructions."""
    built_image, asked = guest("x86: at one place", NEVER)
    report = vmm.explore(built_image, insns=20_000, **{**asked, "board": "pc"})
    assert report.failing == report.placements
    assert report.cause == "it does not come to its end within 20000 instructions of the window's begin"


def test_a_budget_ends_the_undisturbed_run_too():
    code = "    movl $1000000000, %ecx\n1:  incl n\n    movl $1, n\n    movl $2, n\n    loop 1b\n"
    text = X86.replace("begin:\n    nop\n", "begin:\n" + code).replace("    SPINS\n", "")
    report = vmm.explore(
        assembled("x86", text), inject="irq:5", between=("begin", "end"), board="pc,pit=off", seconds=0.2
    )
    assert (report.verdict, report.exit_status, report.boundaries) == ("budget spent", 124, 0)
    assert report.seconds < 10
    assert "nothing was tried: undisturbed, within the budget it does not come to end" in str(report)


def test_a_budget_ends_a_run_in_its_middle():
    """The guest's end takes hours where the interrupt came, and no time where it did not."""
    code = "2:  movl $1000000000, %ecx\n1:  loop 1b\n    incb %al\n    jmp 2b\n"
    asked = guest("x86: at one place", NEVER)[1]
    report = vmm.explore(image(("x86", "hours", code)), insns=MANY, seconds=0.5, **asked)
    assert (report.verdict, report.boundaries, report.tails) == ("budget spent", 0, 0)
    assert report.seconds < 10
