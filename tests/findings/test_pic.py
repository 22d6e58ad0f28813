"""The 8259A pair at a run's end: what is in service, requested or lost there, and why (231468)."""

from __future__ import annotations

import pytest

import vmm

from .guests import at, said, x86

HANDLER = "handler:\n    iret\n"
"""Without an EOI."""
MASKED = "not taken: interrupts are masked (IF is 0)"


def test_an_interrupt_that_was_never_ended_is_told_with_what_waits_behind_it(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x21, handler\n PIC_UNMASK 1\n PIC_UNMASK 3\n PIC_UNMASK 4\n RAISE 1\n sti\n nop\n"
        "taken: nop\n nop\n LOWER 1\n RAISE 3\n RAISE 4\n RAISE 1\n",
        HANDLER,
    )
    since = at(m, "taken")  # the boundary behind STI's shadow, where it comes
    assert m.run().reason == "idle"
    (finding,) = [finding for finding in m.findings() if finding.kind == "in service"]
    returned = int(since.split()[1]) + 1  # IRET is the handler's one instruction
    assert str(finding) == (
        f"IRQ 1 is in service since {since}, never ended: it is owed an EOI; its handler returned at insn {returned}; "
        "3 requests wait behind it: IRQ 1, IRQ 3 and IRQ 4"
    )
    assert finding.fault
    assert m.findings(faults=True) == [finding]


def test_nobody_waits_behind_what_is_of_lower_priority(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x23, handler\n IDT_GATE 0x21, other\n PIC_UNMASK 1\n PIC_UNMASK 3\n RAISE 3\n sti\n nop\n nop\n"
        "RAISE 1\n nop\n",
        f"{HANDLER}other: PIC_EOI 1\n iret\n",
    )
    m.run()
    (text,) = said(m, "in service")  # IR1 is above IR3 (fully nested mode), its non-specific EOI ends IR1
    assert text.startswith("IRQ 3 is in service since insn ")
    assert "behind" not in text
    assert m.findings(faults=True) == []


def test_of_the_slave_two_ends_are_owed_and_the_cascade_holds_back_what_is_below_it(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x29, handler\n PIC_UNMASK 9\n PIC_UNMASK 12\n PIC_UNMASK 5\n RAISE 9\n sti\n nop\n nop\n"
        "RAISE 12\n RAISE 5\n",
        HANDLER,
    )
    m.run()
    (text,) = said(m, "in service")
    assert "owed EOIs of slave and master; its handler returned at insn " in text
    assert text.endswith("2 requests wait behind it: IRQ 5 and IRQ 12")


def test_an_end_that_only_the_slave_got_is_told_of_the_cascade(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x29, handler\n PIC_UNMASK 9\n PIC_UNMASK 5\n RAISE 9\n sti\n nop\n nop\n LOWER 9\n RAISE 5\n",
        "handler: movb $0x20, %al\n outb %al, $0xa0\n iret\n",
    )
    m.run()
    (text,) = said(m, "in service")
    assert text.startswith("the cascade (IR2 of the master 8259A) is in service since insn ")
    assert "owed an EOI at the master, too; its handler returned" in text
    assert text.endswith("1 request waits behind it: IRQ 5")


def test_a_handler_that_is_at_work_is_only_told_of_where_somebody_waits(tmp_path):
    body = "IDT_GATE 0x25, handler\n PIC_UNMASK 5\n PIC_UNMASK 6\n RAISE 5\n sti\n nop\n nop\n"
    m = x86(tmp_path, body, "handler: nop\nthere: RAISE 6\nnow: jmp now\n")
    m.run(until="there")
    assert said(m, "in service") == []
    m.run(until="now")
    (text,) = said(m, "in service")
    assert text.endswith("owed an EOI; its handler has not returned; 1 request waits behind it: IRQ 6")
    assert m.findings(faults=True) == []


def test_a_request_that_if_keeps_out_is_told_with_when_it_came(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 5\n mov $0x2005, %edx\n movb $1, %al\nraised: outb %al, %dx\n")
    m.run(until="raised")
    raised = m.instructions + 1  # what begins last has begun
    assert m.run().reason == "idle"
    assert said(m, "waiting") == [f"IRQ 5 is requested since insn {raised} and {MASKED}"]
    assert m.stop.detail.endswith(" with interrupts masked: nothing can wake it")
    assert said(m, "asleep") == []  # more is not known


def test_a_masked_request_is_told_with_who_masks_it(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 1\n RAISE 6\n RAISE 7\n RAISE 10\n sti\n")
    m.run()
    both, slave = said(m, "waiting")
    assert both == "IRQ 6 and IRQ 7 are requested and not taken: masked at the 8259A and the IOAPIC"
    assert slave.startswith("IRQ 10 is requested since insn ")
    assert slave.endswith(" and not taken: masked at the slave 8259A and the IOAPIC")
    (asleep,) = said(m, "asleep")
    assert asleep.endswith("; it would wake for IRQ 1 at the 8259A")


def test_a_slave_that_the_master_masks_is_told_so(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 10\n inb $0x21, %al\n orb $4, %al\n outb %al, $0x21\n RAISE 10\n sti\n")
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith("masked at the master 8259A (the cascade, IR2) and the IOAPIC")


def test_where_lint0_is_masked_nobody_hears_the_pair(tmp_path):
    m = x86(tmp_path, "LAPIC_WRITE LAPIC_LVT_LINT0, $LVT_MASKED\n PIC_UNMASK 5\n RAISE 5\n sti\n")
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith("no local APIC passes the 8259A's INT on (LINT0 is masked, or not ExtINT)")
    assert said(m, "asleep")[0].endswith("; nothing that would wake it is enabled")


def test_an_edge_that_fell_under_the_mask_is_lost(tmp_path):
    """IRR follows an edge only as long as its pin is high."""
    m = x86(
        tmp_path,
        "mov $0x2005, %edx\n movb $1, %al\nhigh: outb %al, %dx\n movb $0, %al\nlow: outb %al, %dx\n"
        "PIC_UNMASK 5\n sti\n",
    )
    m.run(until="high")
    high = m.instructions + 1
    place = m.where("high")
    m.run(until="low")
    low = m.instructions + 1
    m.run()
    assert said(m, "lost edge") == [
        f"the last edge of IRQ 5, at insn {high} at {place}, was lost: the line fell at insn {low}, while it was "
        "masked at the 8259A"
    ]


def test_an_edge_that_fell_before_it_was_taken_is_lost(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 5\n PULSE 5\n sti\n")
    m.run()
    (text,) = said(m, "lost edge")
    assert text.endswith(", before it was acknowledged")


def test_an_edge_that_was_served_or_that_nobody_wants_is_not(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x25, handler\n PULSE 6\n PULSE 5\n PIC_UNMASK 5\n sti\n RAISE 5\n nop\n",
        "handler: LOWER 5\n PIC_EOI 5\n iret\n",
    )
    m.run()
    assert said(m, "lost edge") == []
    assert said(m, "in service") == said(m, "waiting") == []


def test_an_edge_whose_event_was_overwritten_is_lost_all_the_same_where_nothing_of_it_ever_came(tmp_path):
    m = x86(tmp_path, "PULSE 5\n PIC_UNMASK 5\n mov $3000, %ecx\nagain: PULSE 6\n loop again\n sti\n")
    m.run()
    (text,) = said(m, "lost edge")
    assert text.startswith("the last edge of IRQ 5, at insn ")
    assert text.endswith(", was lost: none of it was ever delivered; what became of it was not kept")


def test_a_level_that_nothing_lowers_is_told_with_how_often_it_was_taken(tmp_path):
    m = x86(
        tmp_path,
        "IDT_GATE 0x25, handler\n mov $0x4d0, %edx\n movb $0x20, %al\n outb %al, %dx\n PIC_UNMASK 5\n"
        "mov $0x2005, %edx\n movb $1, %al\nraised: outb %al, %dx\n sti\n",
        "handler: PIC_EOI 5\n incl count\n iret\n",
    )
    m.run(until="raised")
    raised = m.instructions + 1
    m.limit(insns=3000)
    assert m.run().reason == "limit"
    (row,) = m.trace.interrupts()
    taken = row.delivered
    assert said(m, "line high") == [
        f"IRQ 5 is high since insn {raised}, and level-triggered: it was taken {taken} times since then, and nothing "
        "lowers it"
    ]
    assert abs(taken - m.u32("count")) <= 1  # the last may be at work


def test_sleep_tells_what_came_in_vain(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 1\n sti\n")
    m.stimulate(m.irq(5), vmm.Periodic(period=1, count=7, start=1, unit="s", hold=0.5))
    assert m.run().reason == "idle"
    assert "IRQ 5 (masked at the 8259A and the IOAPIC) came 7 times, and woke nobody" in said(m, "asleep")[1]


def test_sleep_up_to_a_time_limit_is_told_too(tmp_path):
    m = x86(tmp_path, "PIC_UNMASK 1\n sti\n")
    m.limit(virtual_ns=2 * 10**9)
    m.stimulate(m.irq(5), vmm.Periodic(period=1, start=0.5, unit="s", hold=0.5))
    assert m.run().reason == "limit"
    since = 10 * m.instructions  # ns
    assert round((2 * 10**9 - since) / 10**9, 3) == 2
    assert said(m, "asleep")[0].startswith(
        f"vCPU 0 sleeps at {m.where('wait')} for 2 s of virtual time, and nothing has "
    )
    assert said(m, "asleep")[1].startswith("meanwhile IRQ 5 (masked at the 8259A and the IOAPIC) came twice")


def test_what_needs_no_controller_is_told_too(tmp_path):
    m = x86(tmp_path, "IDT_GATE 2, nmi\n nop\n nop\nhere: jmp here\n", "nmi: jmp nmi\n")
    m.run(until="here")
    m.nmi()
    m.run(until="nmi")
    m.nmi()
    m.inject(0x30)
    count = m.instructions
    m.run(insns=10)
    assert said(m, "waiting") == [
        f"an NMI is requested since insn {count} and not taken: NMIs are blocked until the next IRET",
        f"the injected vector 0x30 is requested since insn {count} and not taken: interrupts are masked (IF is 0)",
    ]


@pytest.mark.parametrize(("code", "told"), [(b"\xeb\xfe", False), (b"\xfa\xf4", True)])
def test_what_firmware_left_is_told_only_where_it_might_have_woken_somebody(code, told, image):
    """jmp $; cli and hlt, with the 8254's first request, which no flat image has asked for, at the 8259A."""
    m = vmm.boot(image(code), console=None)
    m.limit(insns=1000)
    m.run()
    text = "IRQ 0 is requested since insn 0 and not taken: interrupts are masked (IF is 0)"
    assert said(m, "waiting") == [text] * told
