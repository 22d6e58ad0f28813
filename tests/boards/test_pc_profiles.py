"""Profiles of the pc board: what each reference does is written down here a second time, and asked of the hardware.

Sections are of the Intel SDM vol. 3A and the 82093AA datasheet; of emulators, the functions named in pc_profiles.py.
"""

from __future__ import annotations

import pytest
from intc.apic.apic_bench import APIC_BASE, BASE_ENABLE, BASE_X2APIC, ESR, SELF, SVR, TPR, Apic
from x86.x86_bench import NMI, NOP, STI, X86Bench

from vmm.boards.pc_profiles import KNOBS, NAMES
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine

ALL = ("default", "p6", "kvm", "qemu", "bochs", "bochs-2.6.8")
ENTRY_4, EDGE, LEVEL, ACTIVE_LOW, MASKED = 0x18, 0x51, 0x8051, 0x2000, 0x10000


class Pc:
    """A pc's controllers under a profile, by default the one that nobody asked for."""

    def __init__(self, profile: str | None) -> None:
        option = f",profile={profile}" if profile else ""
        self.machine = Machine(Config(board=f"pc,pit=off{option}", smp=2, cpu="default,+x2apic"))
        self.apics = [Apic(self.machine._native, index) for index in range(2)]
        for apic in self.apics:
            apic.enable()
        self.apic = self.apics[0]

    def redirect(self, low: int) -> None:
        """Program pin 4, for the first vCPU."""
        for register, value in ((ENTRY_4 + 1, 0), (ENTRY_4, low)):
            lib.vmm_ioapic_write(self.machine._native, 0, register)
            lib.vmm_ioapic_write(self.machine._native, 0x10, value)


def takes_the_request_back(pc: Pc) -> bool:
    """11.9: the request is up when TPR masks it."""
    pc.apic.ipi(SELF | 0x51)
    pc.apic.write(TPR, 0x50)
    assert pc.apic.state.irr == {0x51}
    if not pc.apic.signals():
        return True
    assert pc.apic.inta() == 0xFF
    return False


def comes_back_as_after_reset(pc: Pc) -> bool:
    """11.4.3: SVR after IA32_APIC_BASE.EN was cleared and set."""
    base = pc.apic.rdmsr(APIC_BASE)
    assert pc.apic.wrmsr(APIC_BASE, base & ~BASE_ENABLE) and pc.apic.wrmsr(APIC_BASE, base)
    return {0xFF: True, 0x1FF: False}[pc.apic.read(SVR)]


def keeps_tpr_though_x2apic_mode_ends(pc: Pc) -> bool:
    """11.12.5.1: from x2APIC mode to disabled, and on to xAPIC mode."""
    base = pc.apic.rdmsr(APIC_BASE)
    pc.apic.write(TPR, 0x40)
    for mode in (base | BASE_X2APIC, base & ~BASE_ENABLE, base):
        assert pc.apic.wrmsr(APIC_BASE, mode)
    return {0x40: True, 0: False}[pc.apic.read(TPR)]


def tells_of_a_message_nobody_accepts(pc: Pc) -> bool:
    """11.5.3: bit 2 of the sender's ESR."""
    pc.apic.ipi(0x51, to=9)
    pc.apic.write(ESR, 0)
    return {4: True, 0: False}[pc.apic.read(ESR)]


def delivers_a_masked_edge(pc: Pc) -> bool:
    """3.2.4, "Interrupt Mask"."""
    pc.redirect(MASKED | EDGE)
    pc.machine.irq(4).pulse()
    pc.redirect(EDGE)
    return {(0x51,): True, (): False}[tuple(pc.apic.serve())]


def takes_a_device_for_asserted_whatever_the_polarity(pc: Pc) -> bool:
    """3.2.4, "Interrupt Input Pin Polarity": a low ISA line asserts an active-low entry, a high one does not."""
    pc.redirect(LEVEL | ACTIVE_LOW)
    when_low = pc.apic.signals()
    pc.redirect(MASKED | LEVEL)
    if when_low:
        pc.apic.inta()
        pc.apic.eoi()
    pc.machine.irq(4).raise_()
    pc.redirect(LEVEL | ACTIVE_LOW)
    assert pc.apic.signals() != when_low
    return not when_low


def write_pic(pc: Pc, chip: int, *values: int) -> None:
    """Its command port, then its data port."""
    for n, value in enumerate(values):
        lib.vmm_pic_write(pc.machine._native, chip, min(n, 1), value)


def initialise_pics(pc: Pc, master_icw4: int) -> None:
    write_pic(pc, 0, 0x11, 0x20, 0x04, master_icw4, 0)
    write_pic(pc, 1, 0x11, 0x28, 0x02, 0x01, 0)


def inta(pc: Pc) -> int:
    return lib.vmm_pic_acknowledge(pc.machine._native)


def admits_ir5_while_the_slave_is_served(pc: Pc) -> bool:
    """231468, The Special Fully Nested Mode."""
    initialise_pics(pc, 0x11)
    pc.machine.irq(12).raise_()
    assert inta(pc) == 0x2C
    pc.machine.irq(5).raise_()
    return {0x25: True, 0x27: False}[inta(pc)]


def takes_int_back_with_a_level(pc: Pc) -> bool:
    """231468, Interrupt Sequence: IRQ 5 by the ELCR's bit."""
    initialise_pics(pc, 0x01)
    native = pc.machine._native
    lib.vmm_pic_of(native).chip[0].elcr = 0x20
    pc.machine.irq(5).raise_()
    pc.machine.irq(5).lower()
    return not lib.vmm_pic_of(native).chip[0].output


def serves_an_edge_that_has_gone(pc: Pc) -> bool:
    """231468, Edge and Level Triggered Modes."""
    initialise_pics(pc, 0x01)
    pc.machine.irq(5).raise_()
    pc.machine.irq(5).lower()
    return {0x25: True, 0x27: False}[inta(pc)]


def interrupts_without_out2(pc: Pc) -> bool:
    """IBM PC/AT Technical Reference, Serial/Parallel Adapter: THRE is enabled and there, OUT2 is off; then it is on."""
    initialise_pics(pc, 0x01)
    requests = []
    for name, irq, port in (("com1", 4, 0x3F8), ("com2", 3, 0x2F8)):
        uart = pc.machine.board.devices[name]
        uart.port_write(port + 1, 1, 0x02)
        requests.append(pc.machine.pic.master.irr >> irq & 1)
        uart.port_write(port + 4, 1, 0x08)
        assert pc.machine.pic.master.irr >> irq & 1
    return {(1, 1): True, (0, 0): False}[tuple(requests)]


BEHAVIOUR = {
    "admits_lower": (admits_ir5_while_the_slave_is_served, ("kvm", "qemu")),
    "withdraws_int": (takes_int_back_with_a_level, ("kvm", "qemu")),
    "keeps_edges": (serves_an_edge_that_has_gone, ("kvm", "qemu")),
    "ignores_out2": (interrupts_without_out2, ("qemu",)),
    "withdraws": (takes_the_request_back, ("kvm", "qemu")),
    "forgets": (comes_back_as_after_reset, ("p6",)),
    "keeps_x2apic": (keeps_tpr_though_x2apic_mode_ends, ("kvm", "qemu", "bochs", "bochs-2.6.8")),
    "accept_errors": (tells_of_a_message_nobody_accepts, ("p6", "bochs", "bochs-2.6.8")),
    "holds_edges": (delivers_a_masked_edge, ("bochs-2.6.8",)),
    "ignores_polarity": (
        takes_a_device_for_asserted_whatever_the_polarity, ("kvm", "qemu", "bochs", "bochs-2.6.8"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("profile", [None, *ALL])
@pytest.mark.parametrize("knob", BEHAVIOUR)
def test_controllers_behave_as_their_reference(knob: str, profile: str | None) -> None:
    behaves, profiles = BEHAVIOUR[knob]
    assert behaves(Pc(profile)) == (profile in profiles)


@pytest.mark.parametrize("profile", ALL)
def test_an_nmi_enters_an_sti_shadow_in_the_profile_of_qemu_alone(profile: str) -> None:
    """SDM vol. 2B, STI: one instruction after it, or two."""
    bench = X86Bench("protected32", STI + NOP * 3, board=f",profile={profile}")
    bench.step()
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == ([NMI] if profile == "qemu" else [])
    bench.step()
    assert bench.vectors == [NMI]


def test_every_knob_is_tried_and_no_two_profiles_are_the_same() -> None:
    assert {knob.field for knob in KNOBS} == {*BEHAVIOUR, "nmi_in_sti_shadow"}
    assert NAMES == ALL
    rows = {name: tuple(name in knob.profiles for knob in KNOBS) for name in NAMES}
    assert len(set(rows.values())) == len(NAMES)
    assert not any(rows["default"])


def test_a_profile_holds_for_every_vcpu_and_survives_a_reset_of_its_apic() -> None:
    pc = Pc("kvm")
    for apic in pc.apics:
        lib.vmm_lapic_reset(apic.vcpu)
        apic.enable()
        apic.ipi(SELF | 0x51)
        apic.write(TPR, 0x50)
        assert not apic.signals()


def test_an_unknown_profile_is_answered_with_the_nearest() -> None:
    with pytest.raises(VmmError, match="unknown profile of board pc 'quemu'; did you mean 'qemu'"):
        Machine(Config(board="pc,profile=quemu"))
