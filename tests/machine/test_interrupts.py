"""What scripts raise: messages, PPIs, SGIs, NMIs, what is typed; as far as vector, frame and controller."""

from __future__ import annotations

import pytest

from vmm import Delivered
from vmm.arch.x86.vcpu import Segment
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, IDT, GDT, HANDLER, STACK = 0x1000, 0x2000, 0x4000, 0x3000, 0x8000
JMP_SELF = bytes.fromhex("ebfe")
FLAGS = 0x202
RAM = 0x40000000
VECTORS, IRQ_FROM_EL1H = RAM + 0x1000, 0x280
B_SELF = bytes.fromhex("00000014")
EL1H, DAIF = 0x5, 0x3C0
GICD_CTLR, GICD_ISENABLER0, GICC_CTLR, GICC_PMR, GICC_IAR = 0x000, 0x100, 0x00, 0x04, 0x0C  # IHI0048 4.1, 4.4
GICR_BYTES, GICR_IGROUPR0, GICR_ISENABLER0 = 0x20000, 0x10080, 0x10100  # IHI0069 12.10, 12.11


def pc(smp: int = 1, **options) -> Machine:
    """Flat 32-bit code that jumps to itself with interrupts on, and a gate for every vector below 60h."""
    m = Machine(Config(memory=MIB, smp=smp, **{"board": "pc,pit=off"} | options))
    gate = (HANDLER | 0x10 << 16).to_bytes(4, "little") + (0x8E00).to_bytes(4, "little")
    m.memory.write(IDT, gate * 0x60)
    m.memory.write(GDT + 0x10, bytes.fromhex("ffff0000009acf00 ffff00000092cf00"))
    for address in (CODE, HANDLER):
        m.memory.write(address, JMP_SELF)
    for cpu in m.cpus:
        cpu._native.off = 0
        cpu.enter_protected32(CODE, {"rsp": STACK, "rflags": FLAGS})
        cpu.set_segment("idtr", Segment(0, IDT, 0x2FF, 0))
        cpu.set_segment("gdtr", Segment(0, GDT, 0x1F, 0))
    return m


def virt(gic: int = 2, smp: int = 1) -> Machine:
    """A64 code that branches to itself with IRQs unmasked; everything below INTID 32 is enabled."""
    m = Machine(Config(memory=MIB, board=f"virt,gic={gic}", cpu="cortex-a57", smp=smp))
    for address in (RAM, VECTORS + IRQ_FROM_EL1H):
        m.memory.write(address, B_SELF)
    for cpu in m.cpus:
        cpu._native.off = 0
        cpu["pc"], cpu["vbar_el1"], cpu["pstate"] = RAM, VECTORS, EL1H
    native = m._native
    if gic == 2:
        lib.vmm_gic_dist_write(native, 0, GICD_CTLR, 4, 1)
        for cpu in range(smp):
            lib.vmm_gic_dist_write(native, cpu, GICD_ISENABLER0, 4, 0xFFFFFFFF)
            lib.vmm_gic_cpu_write(native, cpu, GICC_PMR, 4, 0xFF)
            lib.vmm_gic_cpu_write(native, cpu, GICC_CTLR, 4, 1)
        return m
    lib.vmm_gic_dist_write(native, 0, GICD_CTLR, 4, 0x12)  # affinity routing, group 1
    for cpu in range(smp):
        for register in (GICR_IGROUPR0, GICR_ISENABLER0):
            lib.vmm_gic_redist_write(native, cpu * GICR_BYTES + register, 4, 0xFFFFFFFF)
        lib.vmm_gic_icc_write(native, cpu, lib.VMM_ICC_PMR, 0, 0xFF)
        lib.vmm_gic_icc_write(native, cpu, lib.VMM_ICC_IGRPEN1, 0, 1)
    return m


def test_a_message_is_delivered_and_in_service_until_its_eoi():
    m = pc()
    m.run(insns=5)
    m.msi(0xFEE00000, 0x51)  # SDM vol. 3A 11.11: fixed, edge, physical APIC id 0
    assert (m.lapic[0].irr, m.lapic[0].isr) == ({0x51}, frozenset())
    event = m.run(until=Delivered(0x51)).result
    assert (event.insns, event.pc, event.cs, event.flags & FLAGS, event.source) == (5, CODE, 0x10, FLAGS, "local APIC")
    frame = [m.u32(STACK - 12 + at) for at in (0, 4, 8)]
    assert (frame[0], frame[1] & 0xFFFF, frame[2] & FLAGS) == (CODE, 0x10, FLAGS)
    assert (m.lapic[0].irr, m.lapic[0].isr, m.lapic[0].tmr) == (frozenset(), {0x51}, frozenset())
    assert m.cpu.pc == HANDLER


def test_a_message_reaches_the_apic_it_names():
    m = pc(smp=2)
    lib.vmm_lapic_write(m._native.vcpus[1], 0xF0, 0x1FF)  # SVR: enabled
    m.msi(0xFEE01000, 0x52)
    assert [apic.irr for apic in m.lapic] == [frozenset(), {0x52}]
    assert m.run(until=Delivered(0x52)).result.vcpu == 1


def test_an_address_that_is_no_message_is_refused():
    with pytest.raises(VmmError, match="not the address of an interrupt message"):
        pc().msi(0xFED00000, 0x51)


def test_an_nmi_comes_to_the_vcpu_it_is_for():
    m = pc(smp=2)
    m.nmi(1)
    event = m.run(until=Delivered(2)).result
    assert (event.vcpu, event.source, event.pc) == (1, "NMI", CODE)
    assert m.cpus[1].nmi_blocked
    assert not m.cpus[0].nmi_blocked


def test_an_injected_vector_passes_all_controllers():
    m = pc(smp=2)
    m.inject(0x44, cpu=1)
    event = m.run(until=Delivered(0x44)).result
    assert (event.vcpu, event.source, m.cpus[1].pc) == (1, "script", HANDLER)
    assert (m.pic.master.isr, m.lapic[1].isr) == (0, frozenset())


@pytest.mark.parametrize(("source", "target"), [(0, 0), (0, 1), (1, 0)])
def test_an_sgi_of_a_gicv2_names_its_sender(source, target):
    m = virt(smp=2)
    m.run(insns=5)
    m.sgi(3, source=source, target=target)
    event = m.run(until=Delivered(3)).result
    assert (event.vcpu, event.source, event.pc) == (target, f"SGI from vCPU {source}", RAM)
    assert (event.vector_offset, event.flags & (DAIF | EL1H)) == (IRQ_FROM_EL1H, EL1H)
    assert m.cpus[target].pc == VECTORS + IRQ_FROM_EL1H
    assert m.gic.cpu[target].pending == {3}
    assert lib.vmm_gic_cpu_read(m._native, target, GICC_IAR, 4) == source << 10 | 3
    assert (m.gic.cpu[target].pending, m.gic.cpu[target].active) == (frozenset(), {3})


@pytest.mark.parametrize("target", [0, 1])
def test_an_sgi_of_a_gicv3_comes_to_its_target_alone(target):
    m = virt(gic=3, smp=2)
    m.sgi(7, target=target)
    assert [m.gic.cpu[cpu].pending for cpu in (0, 1)] == [{7} if cpu == target else frozenset() for cpu in (0, 1)]
    event = m.run(until=Delivered(7)).result
    assert (event.vcpu, event.source, event.pc, event.vector_offset) == (target, "SGI", RAM, IRQ_FROM_EL1H)
    assert lib.vmm_gic_icc_read(m._native, target, lib.VMM_ICC_IAR1, 0) == 7
    assert (m.gic.cpu[target].pending, m.gic.cpu[target].active) == (frozenset(), {7})


def test_a_ppi_is_a_level_of_one_vcpu():
    m = virt(smp=2)
    m.ppi(22, cpu=1).raise_()
    assert [m.gic.cpu[cpu].asserted for cpu in (0, 1)] == [frozenset(), {22}]
    event = m.run(until=Delivered(22)).result
    assert (event.vcpu, event.source, event.pc) == (1, "PPI", RAM)
    assert lib.vmm_gic_cpu_read(m._native, 1, GICC_IAR, 4) == 22
    m.ppi(22, cpu=1).lower()
    assert (m.gic.cpu[1].asserted, m.gic.cpu[1].active) == (frozenset(), {22})


def test_what_is_typed_arrives_at_the_speed_of_the_port():
    m = pc()
    m.type("ok")
    m.board.devices["com1"].port_write(0x3FA, 1, 1)  # FCR: FIFOs on
    m.run(insns=1_000_000)
    assert [m.board.devices["com1"].port_read(0x3F8, 1) for _ in range(2)] == list(b"ok")


def test_memory_is_read_in_words_of_each_width_and_written():
    m = pc()
    m.write(0x5000, bytes(range(1, 9)))
    assert (m.u8(0x5000), m.u16(0x5000), m.u32(0x5000), m.u64(0x5000)) == (1, 0x0201, 0x04030201, 0x0807060504030201)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: pc().sgi(3), "this machine is x86"),
        (lambda: pc().spi(3), "this machine is x86"),
        (lambda: virt().msi(0xFEE00000, 1), "this machine is arm64"),
        (lambda: virt().nmi(), "ARM has no NMI"),
        (lambda: virt().sgi(16), "they are 0-15"),
        (lambda: virt().ppi(15), "they are 16-31"),
        (lambda: virt().sgi(1, target=1), "vCPU 1 is not among 0-0"),
        (lambda: pc().inject(256), "interrupt vector 0x100 is outside 0-0xff"),
        (lambda: virt().lapic, "this machine is arm64"),
        (lambda: virt().ioapic, "board virt has no IOAPIC"),
    ],
)
def test_what_a_machine_does_not_have_is_told_in_one_line(wrong, said):
    with pytest.raises(VmmError, match=said):
        wrong()
