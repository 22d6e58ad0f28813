"""Rules 11 and 16: LINT0, LINT1 and the other sources of the local vector table (Intel SDM vol. 3A 11.5.1)."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    ACTIVE_LOW,
    EXTINT,
    INIT,
    LEVEL,
    LVT_CMCI,
    LVT_LINT0,
    LVT_LINT1,
    LVT_PERFORMANCE,
    LVT_THERMAL,
    MASKED,
    NMI,
    REMOTE_IRR,
    SMI,
    STARTUP,
    SVR,
    ApicBench,
    State,
    vectors,
)  # fmt: skip
from vmm.core.native import lib


@pytest.fixture
def bench() -> ApicBench:
    bench = ApicBench()
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1)):
        lib.vmm_pic_write(bench.machine, 0, a0, value)
    return bench


def irq(bench: ApicBench, level: bool) -> None:
    lib.vmm_pic_set_line(bench.machine, 3, level)


# ---- the virtual wire ----


def test_the_8259a_comes_through_lint0_as_extint_with_its_own_vector(bench: ApicBench) -> None:
    """Rule 11: the PIC's ISR is set, the APIC's is not, and the APIC takes no EOI for it."""
    bench.apic.write(LVT_LINT0, EXTINT)
    irq(bench, True)
    assert bench.apic.intr()
    assert bench.apic.inta() == 0x23
    assert lib.vmm_pic_of(bench.machine).chip[0].isr == 1 << 3
    assert bench.apic.state == State(vectors(), vectors(), vectors())
    bench.apic.eoi()
    assert bench.events("ended") == []


def test_a_masked_lint0_holds_the_8259a_back_until_it_is_unmasked(bench: ApicBench) -> None:
    """Rule 11: accepted only if unmasked in the LVT; a level is not lost."""
    bench.apic.write(LVT_LINT0, EXTINT | MASKED)
    irq(bench, True)
    assert not bench.apic.intr()
    bench.apic.write(LVT_LINT0, EXTINT)
    assert bench.apic.inta() == 0x23


def test_extint_ignores_tpr(bench: ApicBench) -> None:
    """11.8.3.1: priorities are for fixed interrupts."""
    bench.apic.write(LVT_LINT0, EXTINT)
    bench.apic.write(0x80, 0xFF)
    irq(bench, True)
    assert bench.apic.inta() == 0x23


def test_an_apic_interrupt_is_acknowledged_before_an_extint(bench: ApicBench) -> None:
    bench.apic.write(LVT_LINT0, EXTINT)
    irq(bench, True)
    bench.msi(0x10)
    assert [bench.apic.inta(), bench.apic.inta()] == [0x10, 0x23]


def test_software_disable_masks_the_virtual_wire(bench: ApicBench) -> None:
    """11.4.7.2: all entries, LINT0's too."""
    bench.apic.write(LVT_LINT0, EXTINT)
    irq(bench, True)
    bench.apic.write(SVR, 0xFF)
    assert not bench.apic.intr()


def test_the_8259a_reaches_the_lint0_of_every_vcpu() -> None:
    """MP specification 3.6.2.2: who unmasks it takes it."""
    bench = ApicBench(2)
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1)):
        lib.vmm_pic_write(bench.machine, 0, a0, value)
    bench.apic.write(LVT_LINT0, EXTINT | MASKED)
    bench.apics[1].write(LVT_LINT0, EXTINT)
    irq(bench, True)
    assert [apic.intr() for apic in bench.apics] == [False, True]
    assert bench.apics[1].inta() == 0x23


def test_lint0_as_a_fixed_edge_gives_the_vector_of_its_entry(bench: ApicBench) -> None:
    """What kernels try that use the 8259A as a mere clock."""
    bench.apic.write(LVT_LINT0, 0x31)
    irq(bench, True)
    assert bench.apic.state == State(vectors(0x31), vectors(), vectors())
    assert bench.apic.serve() == [0x31]


# ---- fixed, NMI, edges and levels ----


def test_a_fixed_level_comes_back_until_the_pin_falls(bench: ApicBench) -> None:
    """11.5.1: remote IRR is set at acceptance and cleared by EOI."""
    apic = bench.apic
    apic.write(LVT_LINT0, LEVEL | 0x31)
    apic.lint(0, True)
    assert apic.view.entry("lint0").remote_irr
    assert apic.inta() == 0x31
    assert apic.state == State(vectors(), vectors(0x31), vectors(0x31))
    assert not apic.signals()
    apic.eoi()
    assert apic.inta() == 0x31
    apic.lint(0, False)
    apic.eoi()
    assert (apic.signals(), apic.view.entry("lint0").remote_irr) == (False, False)


def test_a_level_that_was_masked_is_delivered_on_unmask_and_an_edge_is_not(bench: ApicBench) -> None:
    apic = bench.apic
    for trigger, irr in ((0, vectors()), (LEVEL, vectors(0x31))):
        apic.write(LVT_LINT0, trigger | MASKED | 0x31)
        apic.lint(0, False)
        apic.lint(0, True)
        apic.write(LVT_LINT0, trigger | 0x31)
        assert apic.state.irr == irr


def test_remote_irr_is_read_only_and_goes_with_the_level(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(LVT_LINT0, LEVEL | REMOTE_IRR | 0x31)
    assert apic.read(LVT_LINT0) == LEVEL | 0x31
    apic.lint(0, True)
    assert apic.read(LVT_LINT0) == LEVEL | REMOTE_IRR | 0x31
    assert apic.inta() == 0x31
    apic.write(LVT_LINT0, LEVEL | 0x31)
    assert apic.state.irr == vectors(), "it is in service still"
    apic.write(LVT_LINT0, 0x31)
    assert apic.read(LVT_LINT0) == 0x31


def test_an_active_low_pin_is_asserted_by_its_low_level(bench: ApicBench) -> None:
    """11.5.1: bit 13."""
    apic = bench.apic
    apic.lint(0, True)
    apic.write(LVT_LINT0, LEVEL | ACTIVE_LOW | 0x31)
    assert not apic.signals()
    apic.lint(0, False)
    assert apic.inta() == 0x31


def test_lint1_is_the_nmi_pin_and_an_edge(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(LVT_LINT1, NMI | LEVEL)
    apic.lint(1, True)
    assert apic.nmi()
    apic.forget_nmi()
    apic.lint(1, True)
    assert not apic.nmi(), "a level is no edge"
    apic.lint(1, False)
    apic.lint(1, True)
    assert apic.nmi()


def test_a_masked_lint1_loses_the_nmi(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(LVT_LINT1, NMI | MASKED)
    apic.lint(1, True)
    apic.write(LVT_LINT1, NMI)
    assert not apic.nmi()


def test_a_line_of_the_board_can_end_at_lint1_of_every_vcpu() -> None:
    bench = ApicBench(2)
    bench.machine.lines[7].sink[0] = lib.vmm_line_end(bench.machine, b"lint1")
    bench.apics[0].write(LVT_LINT1, NMI)
    bench.apics[1].write(LVT_LINT1, NMI | MASKED)
    lib.vmm_line_set(bench.machine, 7, 0, True)
    assert [apic.nmi() for apic in bench.apics] == [True, False]


def test_lint1_cannot_be_a_level(bench: ApicBench) -> None:
    """11.5.1: level sensitivity is not supported for LINT1; an EOI brings nothing back."""
    apic = bench.apic
    apic.write(LVT_LINT1, LEVEL | 0x32)
    apic.lint(1, True)
    assert apic.serve() == [0x32]
    assert apic.state.tmr == vectors()


# ---- the other entries ----


@pytest.mark.parametrize(
    ("name", "offset"), [("cmci", LVT_CMCI), ("thermal", LVT_THERMAL), ("performance", LVT_PERFORMANCE)]
)
def test_an_event_is_delivered_by_its_entry(bench: ApicBench, name: str, offset: int) -> None:
    apic = bench.apic
    apic.view.event(name)
    assert not apic.signals(), "masked after reset"
    apic.write(offset, 0x61)
    apic.view.event(name)
    assert apic.serve() == [0x61]
    apic.write(offset, NMI)
    apic.view.event(name)
    assert apic.nmi()
    assert not apic.signals()


@pytest.mark.parametrize("mode", [SMI, EXTINT, STARTUP, 1 << 8])
def test_smi_and_modes_that_an_entry_cannot_have_change_nothing(bench: ApicBench, mode: int) -> None:
    bench.apic.write(LVT_THERMAL, mode | 0x61)
    bench.apic.view.event("thermal")
    assert not bench.apic.intr() and not bench.apic.nmi()


def test_a_performance_interrupt_masks_its_entry(bench: ApicBench) -> None:
    """11.5.1: set when it is delivered, cleared by the handler."""
    apic = bench.apic
    apic.write(LVT_PERFORMANCE, NMI)
    apic.view.event("performance")
    assert (apic.nmi(), apic.read(LVT_PERFORMANCE)) == (True, MASKED | NMI)
    apic.forget_nmi()
    apic.view.event("performance")
    assert not apic.nmi()
    apic.write(LVT_THERMAL, 0x61)
    apic.view.event("thermal")
    assert apic.read(LVT_THERMAL) == 0x61


def test_init_through_lint1_waits_for_the_boundary(bench: ApicBench) -> None:
    """11.5.1: delivery mode 101."""
    bench.apic.write(LVT_LINT1, INIT)
    bench.apic.lint(1, True)
    assert bench.apic.vcpu.pending & lib.VMM_PEND_INIT
    bench.run(2)
    assert bench.apic.cpu["cs"] == 0xF000
