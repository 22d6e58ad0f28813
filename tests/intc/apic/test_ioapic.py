"""Rules 17 and 18: the IOAPIC (Intel 82093AA, 290566, section 3), computed by hand."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    ACTIVE_LOW,
    ASSERT,
    CODE,
    EXTINT,
    INIT,
    LDR,
    LEVEL,
    LOGICAL,
    LOWEST,
    MASKED,
    NMI,
    REMOTE_IRR,
    SELF,
    SMI,
    STARTUP,
    SVR,
    TPR,
    ApicBench,
    State,
    vectors,
)  # fmt: skip
from vmm.core.native import lib

ID, VERSION, ARBITRATION = 0, 1, 2
SEND_PENDING = 1 << 12


@pytest.fixture
def bench() -> ApicBench:
    return ApicBench()


def low(bench: ApicBench, pin: int) -> int:
    return bench.io_read(0x10 + 2 * pin)


# ---- registers ----


def test_version_20h_with_24_entries(bench: ApicBench) -> None:
    assert bench.io_read(VERSION) == 0x00170020


def test_the_id_has_four_bits_and_loads_the_arbitration_register(bench: ApicBench) -> None:
    """3.2.3"""
    bench.io_write(ID, 0xFFFFFFFF)
    assert (bench.io_read(ID), bench.io_read(ARBITRATION)) == (0x0F000000, 0x0F000000)
    bench.io_write(ARBITRATION, 0)
    bench.io_write(VERSION, 0)
    assert (bench.io_read(ARBITRATION), bench.io_read(VERSION)) == (0x0F000000, 0x00170020)


def test_after_reset_every_entry_is_masked(bench: ApicBench) -> None:
    assert [(low(bench, pin), bench.io_read(0x11 + 2 * pin)) for pin in range(24)] == [(MASKED, 0)] * 24


def test_delivery_status_and_remote_irr_are_read_only(bench: ApicBench) -> None:
    """3.2.4"""
    bench.io_write(0x10, 0xFFFFFFFF)
    bench.io_write(0x11, 0xFFFFFFFF)
    assert (low(bench, 0), bench.io_read(0x11)) == (0x1AFFF, 0xFF000000)
    bench.redirect(0, LEVEL | REMOTE_IRR | SEND_PENDING | 0x51)
    bench.line(0, True)
    assert low(bench, 0) == LEVEL | REMOTE_IRR | 0x51
    bench.io_write(0x10, LEVEL | MASKED | 0x51)
    assert low(bench, 0) == LEVEL | REMOTE_IRR | MASKED | 0x51


def test_registers_that_are_not_there_read_as_0(bench: ApicBench) -> None:
    for register in (0x03, 0x0F, 0x40, 0xFF):
        bench.io_write(register, 0xFFFFFFFF)
        assert bench.io_read(register) == 0
    lib.vmm_ioapic_write(bench.machine, 0x20, 0xFFFFFFFF)
    assert lib.vmm_ioapic_read(bench.machine, 0x20) == 0


def test_the_registers_are_reached_by_a_guest(bench: ApicBench) -> None:
    """IOREGSEL at 00h, IOWIN at 10h: select 1, read the version."""
    bench.code(bytes.fromhex("66 65 a3 00 00 66 65 a1 10 00"))  # mov gs:[0], eax; mov eax, gs:[10h]
    bench.apic.cpu["rax"] = 1
    bench.run(2)
    assert bench.apic.cpu["rax"] == 0x00170020


# ---- edges ----


def test_an_edge_is_delivered_once(bench: ApicBench) -> None:
    """TMR says edge, remote IRR stays clear."""
    bench.redirect(4, 0x51)
    bench.line(4, True)
    assert bench.apic.state == State(vectors(0x51), vectors(), vectors())
    assert not bench.remote_irr(4)
    assert bench.apic.serve() == [0x51]
    bench.line(4, True)
    assert bench.apic.serve() == []
    bench.line(4, False)
    bench.line(4, True)
    assert bench.apic.serve() == [0x51]


def test_an_edge_on_a_masked_pin_is_lost(bench: ApicBench) -> None:
    """3.2.4, "Interrupt Mask": not delivered and not held pending."""
    bench.redirect(4, MASKED | 0x51)
    bench.line(4, True)
    bench.redirect(4, 0x51)
    assert bench.apic.serve() == []
    bench.line(4, False)
    bench.line(4, True)
    assert bench.apic.serve() == [0x51]


def test_a_profile_lets_a_masked_edge_wait(bench: ApicBench) -> None:
    lib.vmm_ioapic_of(bench.machine).holds_edges = 1
    bench.redirect(4, MASKED | 0x51)
    bench.pulse(4)
    bench.redirect(4, 0x51)
    assert bench.apic.serve() == [0x51]
    bench.redirect(4, MASKED | 0x51)
    bench.redirect(4, 0x51)
    assert bench.apic.serve() == []


# ---- levels ----


def test_a_level_has_remote_irr_from_acceptance_until_its_eoi(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert (bench.remote_irr(5), bench.apic.state) == (True, State(vectors(0x51), vectors(), vectors(0x51)))
    assert bench.apic.inta() == 0x51
    assert bench.apic.state == State(vectors(), vectors(0x51), vectors(0x51))
    bench.line(5, False)
    assert bench.remote_irr(5)
    bench.apic.eoi()
    assert (bench.remote_irr(5), bench.apic.state.irr) == (False, vectors())


def test_a_level_that_is_still_high_at_its_eoi_is_delivered_again(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    for _ in range(3):
        assert bench.apic.inta() == 0x51
        assert not bench.apic.signals()
        bench.apic.eoi()
        assert (bench.remote_irr(5), bench.apic.state.irr) == (True, vectors(0x51))


def test_a_level_that_fell_and_rose_in_service_comes_once_more(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert bench.apic.inta() == 0x51
    bench.line(5, False)
    bench.line(5, True)
    assert bench.apic.state.irr == vectors()
    bench.apic.eoi()
    assert bench.apic.inta() == 0x51


def test_a_level_asserted_while_masked_is_delivered_on_unmask(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | MASKED | 0x51)
    bench.line(5, True)
    assert bench.apic.state.irr == vectors()
    bench.redirect(5, LEVEL | 0x51)
    assert (bench.apic.state.irr, bench.remote_irr(5)) == (vectors(0x51), True)


def test_a_mask_while_in_service_delays_the_next_delivery_to_the_unmask(bench: ApicBench) -> None:
    """A line is not lost across mask, EOI, unmask."""
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert bench.apic.inta() == 0x51
    bench.redirect(5, LEVEL | MASKED | 0x51)
    assert bench.remote_irr(5)
    bench.apic.eoi()
    assert (bench.remote_irr(5), bench.apic.state.irr) == (False, vectors())
    bench.redirect(5, LEVEL | 0x51)
    assert bench.apic.inta() == 0x51


def test_an_unmask_while_remote_irr_is_set_delivers_nothing(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert bench.apic.inta() == 0x51
    for mask in (MASKED, 0):
        bench.redirect(5, LEVEL | mask | 0x51)
    assert bench.apic.state.irr == vectors()


def test_two_pins_that_share_a_vector_are_both_ended_and_both_looked_at_again(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.redirect(6, LEVEL | 0x51)
    bench.line(5, True)
    bench.line(6, True)
    assert (bench.remote_irr(5), bench.remote_irr(6)) == (True, True)
    assert bench.apic.inta() == 0x51
    bench.line(5, False)
    bench.apic.eoi()
    assert (bench.remote_irr(5), bench.remote_irr(6)) == (False, True)
    assert bench.apic.inta() == 0x51
    bench.line(6, False)
    bench.apic.eoi()
    assert (bench.remote_irr(6), bench.apic.signals()) == (False, False)


def test_an_eoi_ends_only_its_own_vector(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.redirect(6, LEVEL | 0x61)
    bench.line(5, True)
    bench.line(6, True)
    bench.line(6, False)
    assert bench.apic.inta() == 0x61
    bench.apic.eoi()
    assert (bench.remote_irr(5), bench.remote_irr(6)) == (True, False)


def test_an_edge_entry_of_the_same_vector_is_no_ones_eoi(bench: ApicBench) -> None:
    bench.redirect(4, 0x51)
    bench.redirect(5, LEVEL | 0x51)
    bench.line(4, True)
    bench.line(5, True)
    assert bench.apic.inta() == 0x51
    bench.line(5, False)
    bench.apic.eoi()
    assert bench.apic.state.irr == vectors(), "the edge of pin 4 is not sent again"


def test_the_switch_to_edge_clears_remote_irr(bench: ApicBench) -> None:
    """How kernels end a level without an EOI register; back at level, the line counts again."""
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    bench.apic.inta()
    bench.redirect(5, MASKED | 0x51)
    assert not bench.remote_irr(5)
    bench.redirect(5, LEVEL | MASKED | 0x51)
    assert not bench.remote_irr(5)
    bench.redirect(5, LEVEL | 0x51)
    assert (bench.remote_irr(5), bench.apic.state.irr) == (True, vectors(0x51))


def test_the_eoi_register_ends_a_level_by_its_vector(bench: ApicBench) -> None:
    """Version 20h."""
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    bench.line(5, False)
    bench.io_eoi(0x52)
    assert bench.remote_irr(5)
    bench.io_eoi(0x51)
    assert not bench.remote_irr(5)


def test_a_level_nobody_accepts_stays_pending_until_somebody_does(bench: ApicBench) -> None:
    """Remote IRR is set by acceptance; until then the delivery status is "send pending"."""
    bench.apic.write(SVR, 0xFF)
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    assert low(bench, 5) == LEVEL | SEND_PENDING | 0x51
    bench.apic.enable()
    assert (low(bench, 5), bench.apic.state.irr) == (LEVEL | REMOTE_IRR | 0x51, vectors(0x51))


def test_a_level_for_an_absent_apic_arrives_when_its_destination_is_corrected(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51, to=9)
    bench.line(5, True)
    assert not bench.remote_irr(5)
    bench.io_write(0x11 + 2 * 5, 0)
    assert bench.remote_irr(5)


def test_an_edge_nobody_accepts_is_lost(bench: ApicBench) -> None:
    bench.redirect(4, 0x51, to=9)
    bench.line(4, True)
    bench.io_write(0x11 + 2 * 4, 0)
    assert bench.apic.state.irr == vectors()


def test_an_illegal_vector_is_the_receivers_error_and_no_remote_irr(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x0F)
    bench.line(5, True)
    assert not bench.remote_irr(5)
    bench.apic.write(0x280, 0)
    assert bench.apic.read(0x280) == 0x40


# ---- polarity ----


def test_an_active_low_entry_is_asserted_by_a_low_wire(bench: ApicBench) -> None:
    """3.2.4: polarity is taken as it is programmed; an idle ISA line is low."""
    bench.line(5, True)
    bench.redirect(5, LEVEL | ACTIVE_LOW | 0x51)
    assert not bench.remote_irr(5)
    bench.line(5, False)
    assert bench.remote_irr(5)


def test_a_wire_that_idles_high_needs_an_active_low_entry(bench: ApicBench) -> None:
    """PCI's INTx#: a device that asserts pulls it low."""
    lib.vmm_ioapic_of(bench.machine).active_low = 1 << 5
    bench.redirect(5, LEVEL | ACTIVE_LOW | 0x51)
    assert not bench.remote_irr(5)
    bench.line(5, True)
    assert bench.remote_irr(5)
    bench.redirect(5, MASKED)
    bench.line(5, False)
    bench.redirect(5, LEVEL | 0x51)
    assert bench.remote_irr(5), "active high, the idle wire is asserted"


@pytest.mark.parametrize("active_low", [0, 1 << 5])
@pytest.mark.parametrize("polarity", [0, ACTIVE_LOW])
def test_a_profile_lets_polarity_mean_nothing(bench: ApicBench, active_low: int, polarity: int) -> None:
    lib.vmm_ioapic_of(bench.machine).ignores_polarity = 1
    lib.vmm_ioapic_of(bench.machine).active_low = active_low
    bench.redirect(5, LEVEL | polarity | 0x51)
    assert not bench.remote_irr(5)
    bench.line(5, True)
    assert bench.remote_irr(5)


def test_with_active_low_polarity_the_falling_edge_counts(bench: ApicBench) -> None:
    bench.line(4, True)
    bench.redirect(4, ACTIVE_LOW | 0x51)
    assert bench.apic.serve() == []
    bench.line(4, False)
    assert bench.apic.serve() == [0x51]
    bench.line(4, True)
    assert bench.apic.serve() == []


# ---- delivery modes and destinations ----


@pytest.mark.parametrize("trigger", [0, LEVEL])
def test_nmi_is_an_edge_without_vector_and_remote_irr(bench: ApicBench, trigger: int) -> None:
    """3.2.4, "Delivery Mode": edge even if programmed as level."""
    bench.redirect(5, trigger | NMI | 0x51)
    bench.line(5, True)
    assert (bench.apic.nmi(), bench.remote_irr(5), bench.apic.state.irr) == (True, False, vectors())
    bench.apic.forget_nmi()
    bench.redirect(5, trigger | NMI | 0x51)
    assert not bench.apic.nmi()


@pytest.mark.parametrize("mode", [SMI, STARTUP, 3 << 8])
def test_smi_and_reserved_modes_leave_no_trace(bench: ApicBench, mode: int) -> None:
    bench.redirect(5, LEVEL | mode | 0x51)
    bench.line(5, True)
    assert (bench.remote_irr(5), bench.apic.intr(), bench.apic.nmi()) == (False, False, False)


def test_init_resets_its_target() -> None:
    bench = ApicBench(2)
    bench.apic.ipi(INIT, to=1)
    bench.apic.ipi(STARTUP | 5, to=1)
    bench.redirect(5, LEVEL | INIT, to=1)
    bench.line(5, True)
    assert (bench.apics[1].vcpu.off, bench.remote_irr(5)) == (1, False)


def test_an_init_of_a_device_wakes_the_halted_bsp(bench: ApicBench) -> None:
    """A line that rises after a microsecond; the reset vector, where there is no ROM, is reached."""
    wire, wave = bench.machine.lines[9], bench.machine.timers[0]
    wire.sink[0], wire.pin[0] = lib.vmm_line_end(bench.machine, b"ioapic"), 5
    bench.redirect(5, INIT)
    wave.line, wave.toggles, wave.hz_num, wave.hz_den, wave.tick = 9, 1, 1_000_000_000, 1, 1000
    lib.vmm_timer_wave(bench.machine, 0)
    bench.code(b"\xf4", interrupts=True)
    assert bench.run(10) == lib.VMM_STOP_UNMAPPED
    assert bench.machine.stop.address == 0xFFFFFFF0


def test_extint_fetches_its_vector_from_the_8259a(bench: ApicBench) -> None:
    """The IOAPIC's virtual wire: no ISR bit, no remote IRR, no EOI."""
    bench.apic.write(0x350, MASKED)
    for a0, value in ((0, 0x11), (1, 0x20), (1, 4), (1, 1)):
        lib.vmm_pic_write(bench.machine, 0, a0, value)
    lib.vmm_pic_set_line(bench.machine, 3, 1)
    bench.redirect(0, LEVEL | EXTINT | 0x51)
    assert not bench.apic.intr()
    bench.line(0, True)
    assert bench.apic.inta() == 0x23
    assert (bench.apic.state.isr, bench.remote_irr(0), bench.apic.intr()) == (vectors(), False, False)


def test_lowest_priority_levels_have_remote_irr_too() -> None:
    bench = ApicBench(3)
    for apic, tpr in zip(bench.apics, (0x40, 0x20, 0x30), strict=True):
        apic.write(TPR, tpr)
    bench.redirect(5, LEVEL | LOWEST | 0x51, to=0xFF)
    bench.line(5, True)
    assert [apic.state.irr for apic in bench.apics] == [vectors(), vectors(0x51), vectors()]
    assert bench.remote_irr(5)


def test_logical_and_broadcast_destinations() -> None:
    bench = ApicBench(3)
    for index, apic in enumerate(bench.apics):
        apic.write(LDR, 1 << index << 24)
    bench.redirect(4, LOGICAL | 0x51, to=0x06)
    bench.redirect(5, 0x61, to=0xFF)
    bench.redirect(6, 0x71, to=2)
    for pin in (4, 5, 6):
        bench.line(pin, True)
    assert [apic.state.irr for apic in bench.apics] == [vectors(0x61), vectors(0x51, 0x61), vectors(0x51, 0x61, 0x71)]


def test_a_broadcast_level_is_ended_by_the_first_eoi() -> None:
    """Remote IRR is one bit: whoever comes first clears it, and the line is looked at again."""
    bench = ApicBench(2)
    bench.redirect(5, LEVEL | 0x51, to=0xFF)
    bench.line(5, True)
    assert [apic.inta() for apic in bench.apics] == [0x51, 0x51]
    bench.line(5, False)
    bench.apics[1].eoi()
    assert not bench.remote_irr(5)


# ---- the machine around it ----


def test_a_line_of_the_machine_ends_at_the_8259a_and_the_ioapic_both(bench: ApicBench) -> None:
    """As ISA IRQs do; IRQ 0 is pin 2."""
    wire = bench.machine.lines[0]
    wire.sink[0], wire.pin[0] = lib.vmm_line_end(bench.machine, b"pic"), 0
    wire.sink[1], wire.pin[1] = lib.vmm_line_end(bench.machine, b"ioapic"), 2
    bench.redirect(2, LEVEL | 0x51)
    lib.vmm_line_set(bench.machine, 0, 0, 1)
    assert lib.vmm_pic_of(bench.machine).chip[0].irr == 1
    assert bench.remote_irr(2)


def test_reset_masks_every_entry_and_keeps_the_lines(bench: ApicBench) -> None:
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    lib.vmm_ioapic_reset(bench.machine)
    assert (low(bench, 5), bench.view.asserted) == (MASKED, vectors(5))


def test_a_guest_serves_a_level_until_its_device_lets_go(bench: ApicBench) -> None:
    """Rule 18 through code: each EOI by the handler brings the interrupt back, with the frame at the spinning code."""
    bench.redirect(5, LEVEL | 0x51)
    bench.handler(0x51, bytes.fromhex("43 66 64 89 0e b0 00 cf"))  # inc bx; mov fs:[b0h], ecx; iret
    bench.code(b"", interrupts=True)
    bench.line(5, True)
    bench.run(30)
    count = bench.apic.cpu["rbx"]
    assert count == len(bench.delivered()) >= 5
    assert set(bench.delivered()) == {0x51}
    bench.line(5, False)
    bench.run(30)
    assert bench.apic.cpu["rbx"] <= count + 1, "at most the one that was in IRR"
    assert (bench.apic.state[:2], bench.remote_irr(5)) == ((vectors(), vectors()), False)
    assert bench.apic.cpu.pc == CODE


def test_an_ipi_of_the_vector_of_a_level_in_irr_makes_it_an_edge(bench: ApicBench) -> None:
    """11.8.4: TMR is what the last acceptance was; software that shares a vector so loses the EOI."""
    bench.redirect(5, LEVEL | 0x51)
    bench.line(5, True)
    bench.apic.ipi(SELF | ASSERT | 0x51)
    bench.apic.serve()
    assert bench.remote_irr(5)
