"""An SGI to a vCPU that does not let it in (IHI0048B 3.2.1)."""

from pathlib import Path

import pytest
from findings.guests import arm64

import vmm
from diagnoses.guests import certain, said

BODY = """
    CPU_ON 1, other
    ldr x4, =ready
1:
    ldr w0, [x4]
    cbz w0, 1b
send:
    GIC_SGI SGI(1), 1
    mov w2, #20000
2:
    subs w2, w2, #1
    b.ne 2b
    POWER_OFF
"""
OTHER = """
other:
    CPU_ENTRY other_stack
    STACK other_stack
    GIC_CPU_INIT 1
    STORE (GICD+GICD_ISENABLER), (1<<1)
    msr daifclr, #DAIF_I
mask:
    {mask}
    STORE ready, 1
    {spin}: {then}
    b {spin}
handler:
    IRQ_ENTER
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE
    VAR ready
"""
MASK = "msr daifset, #DAIF_I"


def two(folder: Path, mask: str, then: str) -> vmm.Machine:
    return arm64(folder, BODY, OTHER.format(mask=mask, then=then, spin="spin"), smp=2)


def test_who_sent_it_and_who_masked_it_are_named(tmp_path: Path) -> None:
    m = two(tmp_path, MASK, "nop")
    (verdict,) = certain(m, "unanswered_ipi")
    assert verdict.evidence[0].where == m.where("mask")
    assert " send+0xc " in verdict.evidence[1].where
    assert "vCPU 1 has not acknowledged SGI 1" in verdict.text


@pytest.mark.parametrize(("mask", "then"), [("nop", "nop"), (MASK, "wfi")], ids=["it lets it in", "it is parked"])
def test_others_are_served_or_asleep(mask: str, then: str, tmp_path: Path) -> None:
    assert said(two(tmp_path, mask, then), "unanswered_ipi") == []


def test_how_long_an_answer_takes_is_measured(tmp_path: Path) -> None:
    m = two(tmp_path, "nop", "nop")
    with m.diagnose("unanswered_ipi=10000insns") as diagnoses:
        m.run()
        figures = diagnoses.looked().figures["unanswered_ipi"]
    sent, taken, ended = (m.trace.of(kind=kind, number=1).first for kind in ("pending", "acknowledged", "ended"))
    assert sent and taken and ended
    first, whole = ((each.ns - sent.ns) / 1000 for each in (taken, ended))
    assert figures == [
        f"SGI 1 to vCPU 1: once acknowledged {first:.2f} us after it was sent, ended after {whole:.2f} us"
    ]


def test_a_run_that_was_cut_may_have_been_cut_too_early(tmp_path: Path) -> None:
    (verdict,) = said(two(tmp_path, MASK, "nop"), "unanswered_ipi", insns=25_000)
    assert verdict.confidence == "likely"


def test_a_local_apic_s_request_says_where_its_sender_was() -> None:
    """LAPIC_SEND is PUSH, MOV to ECX, and then the store that sends."""
    (verdict,) = certain(vmm.boot("cases/ipi_shootdown/x86-broken", console=None), "unanswered_ipi")
    assert " send+0x6 " in verdict.evidence[1].where
