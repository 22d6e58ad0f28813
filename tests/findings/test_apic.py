"""Local APICs and the IOAPIC at a run's end (SDM 3A 11.8; 82093AA, 290566 section 3)."""

from __future__ import annotations

from .guests import at, said, x86

HANDLER = "handler:\n    iret\n"
"""Without an EOI."""
APIC = "LAPIC_ENABLE\n"


def test_a_vector_that_was_never_ended_is_told_with_what_its_class_holds_back(tmp_path):
    m = x86(
        tmp_path,
        f"{APIC} IDT_GATE 0x51, handler\n SEND_SELF 0x51\n sti\n nop\ntaken: nop\n SEND_SELF 0x5f\n SEND_SELF 0x41\n",
        HANDLER,
    )
    since = at(m, "taken")
    m.run()
    (finding,) = m.findings(faults=True)
    returned = int(since.split()[1]) + 1
    assert str(finding) == (
        f"vector 0x51 is in service since {since}, never ended: it is owed an EOI at its local APIC; its handler "
        f"returned at insn {returned}; 2 requests wait behind it: vector 0x5f and vector 0x41"
    )


def test_the_task_priority_is_told_as_what_holds_a_vector_back(tmp_path):
    m = x86(tmp_path, f"{APIC} LAPIC_WRITE LAPIC_TPR, $0x45\n SEND_SELF 0x4f\n sti\n")
    m.run()
    (text,) = said(m, "waiting")
    assert text.startswith("vector 0x4f is requested since insn ")
    assert text.endswith(" and not taken: TPR is 0x45, which holds back vectors up to 0x4f")


def test_a_local_apic_that_svr_disables_is_told_so(tmp_path):
    m = x86(tmp_path, f"{APIC} SEND_SELF 0x51\n LAPIC_WRITE LAPIC_SVR, $0xff\n sti\n")
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith("not taken: its local APIC is disabled by software (SVR bit 8)")


def test_an_edge_under_the_ioapic_s_mask_is_lost(tmp_path):
    """3.2.4: it is not kept."""
    m = x86(
        tmp_path,
        f"{APIC} mov $0x2005, %edx\n movb $1, %al\nhigh: outb %al, %dx\n IOAPIC_WRITE 5, 0x51\n sti\n",
    )
    m.run(until="high")
    high, place = m.instructions + 1, m.where("high")
    m.run()
    assert said(m, "lost edge") == [
        f"the last edge of IRQ 5, at insn {high} at {place}, was lost: its pin of the IOAPIC was masked, or no local "
        "APIC accepted it"
    ]
    assert said(m, "waiting") == []  # the 8259A, which nobody asks, is masked
    assert said(m, "asleep")[0].endswith("; it would wake for IRQ 5 at the IOAPIC")


def test_two_edges_before_the_first_is_taken_are_one_request(tmp_path):
    m = x86(
        tmp_path,
        f"{APIC} IDT_GATE 0x51, handler\n IOAPIC_WRITE 5, 0x51\n mov $0x2005, %edx\n movb $1, %al\n"
        "first: outb %al, %dx\n LOWER 5\nsecond: outb %al, %dx\n sti\n",
        "handler: LAPIC_EOI_NOW\n iret\n",
    )
    m.run(until="first")
    first = m.instructions + 1
    m.run(until="second")
    second, place = m.instructions + 1, m.where("second")
    m.run()
    assert said(m, "lost edge") == [
        f"the last edge of IRQ 5, at insn {second} at {place}, was lost: the one of insn {first} was still pending, "
        "and they are one request"
    ]


def test_a_level_in_service_is_told_by_its_vector_and_line_and_its_line_as_high(tmp_path):
    m = x86(
        tmp_path,
        f"{APIC} IDT_GATE 0x51, handler\n IOAPIC_WRITE 5, 0x51|ENTRY_LEVEL\n RAISE 5\n sti\n",
        "handler: LAPIC_EOI_NOW\n incl count\n iret\n",
    )
    m.limit(insns=3000)
    m.run()
    (text,) = said(m, "line high")
    (row,) = m.trace.interrupts()
    assert text.endswith(f"level-triggered: it was taken {row.delivered} times since then, and nothing lowers it")
    assert row.delivered > 100
    m = x86(tmp_path, f"{APIC} IDT_GATE 0x51, handler\n IOAPIC_WRITE 5, 0x51|ENTRY_LEVEL\n RAISE 5\n sti\n", HANDLER)
    m.run()
    assert said(m, "line high") == []
    assert said(m, "in service")[0].startswith("vector 0x51 (IRQ 5) is in service since insn ")


def test_an_eoi_that_was_not_broadcast_leaves_a_pin_waiting(tmp_path):
    """11.8.5, SVR bit 12: software writes the IOAPIC's EOI register itself, which this one forgets."""
    m = x86(
        tmp_path,
        f"{APIC} LAPIC_WRITE LAPIC_SVR, $0x11ff\n IDT_GATE 0x51, handler\n IOAPIC_WRITE 5, 0x51|ENTRY_LEVEL\n"
        "RAISE 5\n sti\n",
        "handler: LAPIC_EOI_NOW\n iret\n",
    )
    m.run()
    (text,) = said(m, "waiting")
    assert text.startswith("IRQ 5 is requested since insn ")
    assert text.endswith("its pin waits for the EOI of vector 0x51 (remote IRR), which none has in service")


def test_a_message_to_nobody_is_told_as_that(tmp_path):
    m = x86(tmp_path, f"{APIC} IOAPIC_ROUTE 17, 5, 0x51|ENTRY_LEVEL\n sti\n")
    m.line("GSI 17").raise_()
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith("no local APIC accepts the IOAPIC's message to destination 0x05")


def test_a_masked_pin_that_the_pair_has_not_is_told_as_masked(tmp_path):
    m = x86(tmp_path, f"{APIC} IOAPIC_WRITE 17, 0x51|ENTRY_LEVEL|ENTRY_MASKED\n sti\n")
    m.line("GSI 17").raise_()
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith("not taken: masked at the IOAPIC")


def test_a_timer_that_stands_is_no_source_that_comes(tmp_path):
    m = x86(tmp_path, f"{APIC} LAPIC_WRITE LAPIC_LVT_TIMER, $0x51\n sti\n")
    m.run()
    (text,) = said(m, "asleep")
    assert text.endswith("; it would wake for its local APIC's timer, which does not run")


def test_of_several_vcpus_each_is_told_of_by_its_number(tmp_path):
    m = x86(
        tmp_path,
        f"{APIC} IDT_GATE 0x51, handler\n SEND_IPI 1, ICR_FIXED|0x51\n SEND_SELF 0x52\n",
        HANDLER,
        smp=2,
    )
    m.run()
    assert [text.partition(" is requested")[0] for text in said(m, "waiting")] == ["vector 0x52 of vCPU 0"]
    assert said(m, "waiting")[0].endswith("interrupts are masked on vCPU 0 (IF is 0)")
