"""Rules 12 and 13: requests, priorities, INTA and EOI (Intel SDM vol. 3A 11.8), computed by hand."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    APR,
    ASSERT,
    ESR,
    FIXED,
    ICR,
    LEVEL,
    LVT_ERROR,
    LVT_TIMER,
    PPR,
    SELF,
    SVR,
    TPR,
    ApicBench,
    State,
    vectors,
)  # fmt: skip

NO_BROADCAST = 1 << 12


@pytest.fixture
def bench() -> ApicBench:
    return ApicBench()


def test_two_requests_of_a_vector_queue_and_more_collapse(bench: ApicBench) -> None:
    """11.8.4: one in ISR, one in IRR; the third and fourth are the second."""
    apic = bench.apic
    apic.ipi(SELF | 0x51)
    assert apic.inta() == 0x51
    for _ in range(3):
        apic.ipi(SELF | 0x51)
    assert apic.state == State(irr=vectors(0x51), isr=vectors(0x51), tmr=vectors())
    apic.eoi()
    assert apic.serve() == [0x51]


def test_the_highest_vector_is_dispensed_first(bench: ApicBench) -> None:
    """11.8.3: priority is the vector's number."""
    for vector in (0x31, 0xF2, 0x32, 0x90):
        bench.apic.ipi(SELF | vector)
    assert bench.apic.serve() == [0xF2, 0x90, 0x32, 0x31]


def test_a_vector_of_the_class_in_service_does_not_nest(bench: ApicBench) -> None:
    """11.8.3.1: the class must be strictly above that of PPR, however high the vector is within its class."""
    apic = bench.apic
    apic.ipi(SELF | 0x61)
    assert apic.inta() == 0x61
    apic.ipi(SELF | 0x6F)
    assert (apic.read(PPR), apic.signals()) == (0x60, False)
    apic.ipi(SELF | 0x70)
    assert apic.inta() == 0x70
    assert apic.state == State(irr=vectors(0x6F), isr=vectors(0x61, 0x70), tmr=vectors())
    apic.eoi()
    assert not apic.signals()
    apic.eoi()
    assert apic.inta() == 0x6F


@pytest.mark.parametrize(
    ("tpr", "vector", "signals"),
    [(0x30, 0x3F, False), (0x30, 0x40, True), (0x3F, 0x40, True), (0x40, 0x40, False), (0xF0, 0xFF, False)],
)
def test_tpr_holds_back_its_own_class_and_those_below(bench: ApicBench, tpr: int, vector: int, signals: bool) -> None:
    """11.8.3.1: only TPR[7:4] is compared."""
    bench.apic.write(TPR, tpr)
    bench.apic.ipi(SELF | vector)
    assert bench.apic.signals() == signals
    assert vector in bench.apic.state.irr


@pytest.mark.parametrize(
    ("tpr", "in_service", "ppr"), [(0x25, None, 0x25), (0x25, 0x31, 0x30), (0x45, 0x31, 0x45), (0x35, 0x31, 0x35)]
)
def test_ppr_is_the_higher_class_of_tpr_and_the_vector_in_service(
    bench: ApicBench, tpr: int, in_service: int | None, ppr: int
) -> None:
    """11.8.3.1: the low half is TPR's where TPR decides."""
    if in_service is not None:
        bench.apic.ipi(SELF | in_service)
        assert bench.apic.inta() == in_service
    bench.apic.write(TPR, tpr)
    assert bench.apic.read(PPR) == ppr


@pytest.mark.parametrize(
    ("tpr", "in_service", "requested", "apr"),
    [(0x25, None, None, 0x25), (0x25, 0x31, None, 0x30), (0x25, None, 0x71, 0x70), (0x75, 0x31, 0x71, 0x75)],
)
def test_apr_counts_what_is_requested_too(
    bench: ApicBench, tpr: int, in_service: int | None, requested: int | None, apr: int
) -> None:
    """11.6.2.4: the arbitration priority."""
    apic = bench.apic
    if in_service is not None:
        apic.ipi(SELF | in_service)
        assert apic.inta() == in_service
    apic.write(TPR, tpr)
    if requested is not None:
        apic.ipi(SELF | requested)
    assert apic.read(APR) == apr


def test_a_tpr_that_rose_between_request_and_inta_gives_the_spurious_vector(bench: ApicBench) -> None:
    """11.9: no ISR bit, so no EOI; the request stays in IRR."""
    apic = bench.apic
    apic.write(SVR, 0x1EF)
    apic.ipi(SELF | 0x51)
    apic.write(TPR, 0x50)
    assert apic.intr(), "INTR was up already"
    assert apic.inta() == 0xEF
    assert apic.state == State(irr=vectors(0x51), isr=vectors(), tmr=vectors())
    assert not apic.intr()
    assert bench.events("spurious") == [(0, 0xEF)]
    apic.write(TPR, 0)
    assert apic.inta() == 0x51


def test_a_tpr_that_fell_again_before_inta_gives_the_vector_itself(bench: ApicBench) -> None:
    """11.9: what counts is the moment of INTA; and one INTR is one INTA."""
    apic = bench.apic
    apic.ipi(SELF | 0x51)
    apic.write(TPR, 0xF0)
    apic.write(TPR, 0x00)
    assert apic.inta() == 0x51
    assert not apic.intr()


def test_a_tpr_that_was_high_before_the_request_gives_nothing(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(TPR, 0x50)
    apic.ipi(SELF | 0x51)
    apic.write(TPR, 0x60)
    assert not apic.intr()


def test_a_profile_lets_a_tpr_write_take_the_request_back(bench: ApicBench) -> None:
    apic = bench.apic
    apic.raw.withdraws = 1
    apic.ipi(SELF | 0x51)
    apic.write(TPR, 0x50)
    assert not apic.intr()
    assert 0x51 in apic.state.irr


def test_eoi_clears_the_highest_vector_in_service(bench: ApicBench) -> None:
    """11.8.5: whatever was acknowledged last."""
    apic = bench.apic
    for vector in (0x41, 0x81):
        apic.ipi(SELF | vector)
        assert apic.inta() == vector
    apic.eoi()
    assert apic.state.isr == vectors(0x41)
    apic.eoi()
    apic.eoi()
    assert apic.state.isr == vectors()
    assert bench.events("ended") == [(0, 0x81), (0, 0x41)]


def test_only_the_eoi_of_a_level_is_told_to_the_ioapic(bench: ApicBench) -> None:
    """11.8.5: TMR decides; here an edge of the same vector came after the level was served."""
    apic = bench.apic
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert apic.state == State(irr=vectors(0x51), isr=vectors(), tmr=vectors(0x51))
    apic.ipi(SELF | 0x51)
    assert apic.state.tmr == vectors()
    assert apic.inta() == 0x51
    apic.eoi()
    assert bench.remote_irr(5)


def test_eoi_broadcast_can_be_suppressed(bench: ApicBench) -> None:
    """11.8.5: with SVR[12] software ends the level at the IOAPIC itself."""
    apic = bench.apic
    apic.write(SVR, NO_BROADCAST | 0x1FF)
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert apic.inta() == 0x51
    bench.line(5, False)
    apic.eoi()
    assert (apic.state.isr, bench.remote_irr(5)) == (vectors(), True)
    bench.io_eoi(0x51)
    assert not bench.remote_irr(5)


@pytest.mark.parametrize("vector", [0, 15])
def test_an_illegal_vector_sent_is_an_error_of_sender_and_receiver(bench: ApicBench, vector: int) -> None:
    """11.5.3: ESR bits 5 and 6; nothing reaches IRR."""
    apic = bench.apic
    apic.ipi(SELF | vector)
    assert apic.read(ESR) == 0, "nothing is latched before ESR is written"
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0x60
    assert apic.state == State(vectors(), vectors(), vectors())
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0


def test_vector_16_is_the_first_legal_one(bench: ApicBench) -> None:
    bench.apic.ipi(SELF | 16)
    bench.apic.write(ESR, 0)
    assert bench.apic.read(ESR) == 0
    assert bench.apic.state.irr == vectors(16)


def test_an_illegal_vector_of_the_local_table_is_a_receive_error(bench: ApicBench) -> None:
    """11.5.3: bit 6 alone."""
    apic = bench.apic
    apic.write(LVT_TIMER, 0x0F)
    apic.view.event("timer")
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0x40


def test_the_error_interrupt_comes_once_until_esr_is_written(bench: ApicBench) -> None:
    """11.5.3: a write of ESR arms it again."""
    apic = bench.apic
    apic.write(LVT_ERROR, 0xE1)
    apic.read(0x00)
    assert apic.serve() == [0xE1]
    apic.read(0x00)
    assert apic.serve() == []
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0x80
    apic.read(0x00)
    assert apic.serve() == [0xE1]


def test_a_masked_error_entry_collects_errors_silently(bench: ApicBench) -> None:
    apic = bench.apic
    apic.read(0x00)
    apic.write(LVT_ERROR, 0xE1)
    assert not apic.signals()
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0x80


def test_an_illegal_vector_in_the_error_entry_ends_there(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(LVT_ERROR, 0x05)
    apic.read(0x00)
    apic.write(ESR, 0)
    assert apic.read(ESR) == 0xC0


def test_the_irr_isr_and_tmr_registers_show_one_bit_a_vector(bench: ApicBench) -> None:
    """Table 11-1: 32 vectors a register, 16 bytes apart."""
    apic = bench.apic
    apic.ipi(SELF | 0xA5)
    assert [apic.read(0x200 + 16 * n) for n in range(8)] == [0, 0, 0, 0, 0, 1 << 5, 0, 0]
    apic.inta()
    assert [apic.read(0x100 + 16 * n) for n in range(8)] == [0, 0, 0, 0, 0, 1 << 5, 0, 0]
    assert apic.read(0x250) == 0
    bench.msi(LEVEL | ASSERT | 0x22)
    assert [apic.read(0x180 + 16 * n) for n in range(8)] == [0, 1 << 2, 0, 0, 0, 0, 0, 0]


def test_icr_reads_idle_and_as_written(bench: ApicBench) -> None:
    """11.6.1: delivery status is 0, an IPI is on its way no longer than its instruction."""
    bench.apic.write(ICR, SELF | FIXED | 1 << 12 | 0x51)
    assert bench.apic.read(ICR) == SELF | 0x51
