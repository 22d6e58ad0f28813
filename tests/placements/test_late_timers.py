"""A timer that expires late. The program lets time pass until the timer's interrupt has come, and then adds one to what
the handler adds one to, too: late by as many instructions as lie between, the interrupt comes between load and store.
"""

from __future__ import annotations

import functools

import pytest

import vmm
from placements.exploring import assembled, explored
from vmm.errors import VmmError
from vmm.placements.sources import of_machine, source

SOURCES = {
    "8254": """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x20, handler
    PIC_UNMASK 0
    sti
    movb    $0x30, %al                  # channel 0, both bytes, mode 0: once (231164)
    outb    %al, $0x43
    movb    $1, %al
    outb    %al, $0x40
    xorl    %eax, %eax
    outb    %al, $0x40
begin:
    .rept   250
    nop
    .endr
work:
#ifdef FIXED
    cli
#endif
    movl    n, %eax
add:
    incl    %eax
store:
    movl    %eax, n
#ifdef FIXED
    sti
#endif
    nop
end:
    nop
    .rept   40
    nop
    .endr
    POWER_OFF
handler:
    incl    n
    PIC_EOI 0
    iret
    VAR     n
""",
    "generic timer": """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    ldr     x20, =n
    mov     x0, #100
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    msr     daifclr, #DAIF_I
begin:
    .rept   250
    nop
    .endr
work:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
    ldr     w4, [x20]
add:
    add     w4, w4, #1
store:
    str     w4, [x20]
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
    nop
end:
    nop
    .rept   40
    nop
    .endr
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
""",
}
BOARDS = {"8254": "pc", "generic timer": "virt,gic=2"}
NOP = {"8254": 1, "generic timer": 4}
"""Bytes."""
RISES = vmm.LineChanged(0, 1)
both = pytest.mark.parametrize("timer", SOURCES)


@functools.cache
def image(timer, fixed=False):
    text = "#define FIXED\n" * fixed + SOURCES[timer]
    return assembled("x86" if timer == "8254" else "arm64", text)


def nops_left(timer, fixed):
    """From where the interrupt comes in time, to `work`."""
    machine = vmm.boot(image(timer, fixed), console=None, board=BOARDS[timer])
    machine.run(until="begin")
    machine.run(until=vmm.Delivered())
    came = machine.trace.last(1)[0].pc
    assert machine.address("begin") < came < machine.address("work")
    return (machine.address("work") - came) // NOP[timer]


def agreed(timer, late, fixed=False, **asked):
    """The report, where sharing changes nothing."""
    asked = {
        "inject": [f"timer-late:{insns}" for insns in late], "between": ("begin", "end"), "check": "n == 2",
        "board": BOARDS[timer], **asked,
    }  # fmt: skip
    report, rows = explored(image(timer, fixed), **asked)
    assert rows == explored(image(timer, fixed), reduction=False, **asked)[1]
    return report, [row for row in rows if row.placements]


@both
def test_late_between_load_and_store(timer, tmp_path):
    """Late by what leads to `add` or `store` it fails, and by nothing else; it can be late where it would come next."""
    tape, add = tmp_path / "least.vmmrec", nops_left(timer, fixed=False) + 1
    report, rows = agreed(timer, range(add - 4, add + 6), record=tape)
    assert [row.source for row in rows if row.cause] == [f"timer-late:{add}", f"timer-late:{add + 1}"]
    assert len(rows) == 10 and len({row.address for row in rows}) == 1
    assert (report.verdict, report.placements, report.failing) == ("counterexample", 10, 2)
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u32("n")) == (True, 1)


@both
def test_where_interrupts_are_kept_out_it_may_be_late(timer):
    work = nops_left(timer, fixed=True)
    report, _ = agreed(timer, range(work - 4, work + 8), fixed=True)
    assert (report.verdict, report.placements) == ("proven", 12)


def test_late_twice_is_later():
    """Of 1, add - 1 and add only the last fails alone. Of the nine pairs only 1 and 1 is good: a sum of add or add + 1
    comes between load and store, and a larger one never, for the guest is over by then.
    """
    add = nops_left("8254", fixed=False) + 1
    report, _ = agreed("8254", [1, add - 1, add], depth=2)
    assert [each.source for each in report.least] == [f"timer-late:{add}"]
    assert (report.placements, report.failing) == (3 + 9, 1 + 8)


def test_a_range_is_each_of_its_numbers():
    found = of_machine([source("timer-late:3..5,9")], vmm.Machine())
    assert [each.name for each in found] == ["timer-late:3", "timer-late:4", "timer-late:5", "timer-late:9"]
    assert len(of_machine([source("timer-late")], vmm.Machine())) == 16


def test_a_timer_that_is_late_is_late_once():
    """The second of a periodic 8254's ticks comes when it would."""
    machine = vmm.boot("x86/pit_ticks", console=None)
    machine.run(until=vmm.Delivered())
    begin = machine.snapshot()
    machine.run(until=RISES)
    first = machine.now_ns
    machine.run(until=RISES)
    second = machine.now_ns
    machine.restore(begin)
    machine.delay_timer(7)
    machine.run(until=RISES)
    assert machine.now_ns == first + 7 * machine.insn_ns
    machine.run(until=RISES)
    assert machine.now_ns == second


@pytest.mark.parametrize("text", ["timer-late:0", "timer-late:5..2", "timer-late:1..99", "timer-late:x", "timer-late:"])
def test_what_is_no_delay_is_refused(text):
    with pytest.raises(VmmError, match=f"^'{text}': "):
        source(text)


def test_without_a_timer_none_is_late():
    machine = vmm.boot("x86/first_isr", console=None, board="pc,pit=off")
    machine.run(until="guest")
    with pytest.raises(VmmError, match="no timer runs"):
        machine.delay_timer(1)
