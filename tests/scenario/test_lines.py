"""What each way to drive a line comes to, at edge- and at level-triggered inputs of every controller.

Where a request is latched and when a level asks again: 231468 "Interrupt Request" and "LTIM", 290566 3.2.4 (trigger
mode, remote IRR), IHI0048B 3.2.2 and 4.3.13 (edge-triggered and level-sensitive).
"""

from __future__ import annotations

import pytest
from arm.arm_bench import EL1H, INTID, PIN, VECTORS, Arm64Bench
from arm.opcodes import a64

import vmm
from vmm import Acknowledged, Elapsed, Periodic
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.machine.machine import Machine

from .irq5_guest import CODE, IRQ5, machine, run

ROUND = 6
"""Instructions of the handler; its IRET's next boundary can be interrupted again."""
SPURIOUS = 0x27
LTIM = 0x08
PIN_VECTOR = 0x35
# inc ebx; mov [FEE000B0h], eax (end of interrupt); iret
END_APIC = bytes.fromhex("43 a3b000e0fe cf")
PPI = 20
# ldr w0, [x20, #GICC_AIAR]; add x1, x1, #1; str w0, [x20, #GICC_AEOIR]; eret
SERVE = (0xB9402280, 0x91000421, 0xB9002680, 0xD69F03E0)
GIC_ROUND = len(SERVE)


def pic(*, level: bool) -> Machine:
    m = machine()
    for a0, value in ((0, 0x11 | LTIM * level), (1, 0x20), (1, 4), (1, 1), (1, 0xFF & ~(1 << 5))):
        m.pic.write(0, a0, value)
    return m


def ioapic(*, level: bool) -> Machine:
    """IRQ 5 at pin 5, and at no 8259A."""
    m = machine(handler=END_APIC)
    m.pic.write(0, 1, 0xFF)
    for register, value in ((0x11 + 2 * 5, 0), (0x10 + 2 * 5, PIN_VECTOR | level << 15)):
        lib.vmm_ioapic_write(m._native, 0, register)
        lib.vmm_ioapic_write(m._native, 0x10, value)
    return m


def gic(intid: int, *, level: bool, version: int = 2) -> Machine:
    bench = Arm64Bench(a64("b #0"), pstate=EL1H, gic=version, x20=0x08010000, x1=0)
    bench.enable(intid)
    if not level:
        bench._gic_write(0, intid, 0xC00 + intid // 16 * 4, 4, 2 << intid % 16 * 2)  # ICFGR
    bench.write(VECTORS[1] + 0x280, *SERVE)
    return bench.machine


def delivered(m: Machine) -> list[int]:
    return [event.number for event in m.trace.last(4096) if event.kind == "delivered"]


def levels(m: Machine) -> list[int]:
    return [event.value for event in m.trace.last(4096) if event.kind == "line"]


LEVELS = pytest.mark.parametrize("level", [False, True], ids=["edge", "level"])


@LEVELS
def test_until_served_is_one_interrupt_at_an_8259a(level):
    m = pic(level=level)
    m.irq(5).until_served()
    assert m.pic.master.irr == 1 << 5
    m.run(insns=600)
    assert (m.cpu["ebx"], delivered(m), levels(m)) == (1, [IRQ5], [1, 0])
    assert (m.pic.master.irr, m.pic.master.isr) == (0, 0)
    delivery = next(event for event in m.trace.last(100) if event.kind == "delivered")
    assert (delivery.pc, delivery.cs, delivery.flags) == (CODE, 0x10, 0x202)


@LEVELS
def test_until_served_is_one_interrupt_at_an_ioapic(level):
    m = ioapic(level=level)
    m.irq(5).until_served()
    m.run(insns=600)
    assert (m.cpu["ebx"], delivered(m), levels(m)) == (1, [PIN_VECTOR], [1, 0])
    assert not m.ioapic.pin(5).remote_irr
    assert not any(m.lapic[0].irr) and not any(m.lapic[0].isr)


@LEVELS
@pytest.mark.parametrize("ppi", [False, True], ids=["spi", "ppi"])
def test_until_served_is_one_interrupt_at_a_gic(ppi, level):
    m = gic(PPI if ppi else INTID, level=level)
    (m.ppi(PPI) if ppi else m.spi(PIN)).until_served()
    m.run(insns=200)
    assert (m.cpu["x1"], delivered(m)) == (1, [PPI if ppi else INTID])
    assert not m.gic.cpu[0].irq


def test_until_served_waits_behind_a_mask():
    m = pic(level=True)
    m.pic.write(0, 1, 0xFF)
    m.irq(5).until_served()
    m.run(insns=100)
    assert (delivered(m), levels(m)) == ([], [1])
    m.pic.write(0, 1, 0xFF & ~(1 << 5))
    m.run(insns=100)
    assert (delivered(m), levels(m)) == ([IRQ5], [1, 0])


def test_it_falls_at_the_boundary_behind_the_acknowledge():
    m = pic(level=True)
    m.run(insns=7)
    m.irq(5).until_served()
    m.run(until=Acknowledged(IRQ5))
    assert (levels(m), m.pic.master.isr, m.pic.master.irr) == ([1], 1 << 5, 1 << 5)
    m.run(insns=1)  # the handler's first
    assert (levels(m), m.pic.master.isr, m.pic.master.irr) == ([1, 0], 1 << 5, 0)
    assert [event.insns for event in m.trace.last(100) if event.kind == "line"] == [7, 7]


def test_another_drive_of_it_ends_the_waiting():
    m = pic(level=False)
    m.irq(5).until_served()
    m.irq(5).raise_()
    m.run(insns=100)
    assert (delivered(m), levels(m)) == ([IRQ5], [1])
    m.irq(5).lower()
    m.irq(5).until_served()
    m.irq(5).lower()
    m.run(insns=100)
    assert delivered(m) == [IRQ5, SPURIOUS]


def test_it_is_in_a_snapshot():
    m = pic(level=True)
    m.irq(5).until_served()
    before = m.snapshot()
    m.run(insns=100)
    once = m.trace.hash
    m.restore(before)
    m.run(insns=100)
    assert (m.cpu["ebx"], levels(m), m.trace.hash) == (1, [1, 0], once)


def test_so_is_that_it_was_served():
    m = pic(level=True)
    m.irq(5).until_served()
    m.run(until=Acknowledged(IRQ5))
    between = m.snapshot()
    for _ in range(2):
        m.run(insns=100)
        assert (m.cpu["ebx"], levels(m)) == (1, [1, 0])
        m.restore(between)
    assert levels(m) == [1]


def test_a_pulse_stays_and_a_level_asks_again_and_again():
    m = pic(level=True)
    m.irq(5).pulse()
    m.run(insns=100 * ROUND)
    assert (m.cpu["ebx"], levels(m)) == (100, [1])
    m = pic(level=False)
    m.irq(5).pulse()
    m.run(insns=100 * ROUND)
    assert (m.cpu["ebx"], levels(m)) == (1, [1])
    m = gic(INTID, level=True)
    m.spi(PIN).pulse()
    m.run(insns=50 * GIC_ROUND)
    assert m.cpu["x1"] == 50


@LEVELS
def test_an_edge_falls_at_once(level):
    m = pic(level=level)
    m.irq(5).edge()
    m.run(insns=100)
    assert (delivered(m), levels(m), m.pic.master.isr) == ([SPURIOUS], [1, 0], 0)
    for m, number in ((ioapic(level=level), PIN_VECTOR), (gic(INTID, level=level), INTID)):
        m.irq(5 if number == PIN_VECTOR else PIN).edge()
        m.run(insns=100)
        # a level-triggered IOAPIC pin has sent its message by then (290566 3.4.2), a level-sensitive GIC input forgets
        assert delivered(m) == ([] if level and number == INTID else [number])
    m = gic(PPI, level=level)
    m.ppi(PPI).edge()
    m.run(insns=100)
    assert delivered(m) == ([] if level else [PPI])


def test_a_line_that_a_scenario_holds_is_its_own():
    m = pic(level=False)

    async def holder(m):
        m.irq(5).raise_()
        await Elapsed(insns=500)

    m.start(holder)
    for drive in (m.irq(5).until_served, m.irq(5).edge, m.irq(5).pulse):
        with pytest.raises(VmmError, match=r"IRQ 5 is held high by scenario .*holder; only"):
            drive()


@LEVELS
def test_a_stimulus_may_hold_its_line_until_it_is_served(level):
    m = pic(level=level)
    handle = m.stimulate(m.irq(5), Periodic(100, count=5, hold="served"))
    m.run(insns=600)
    assert (m.cpu["ebx"], handle.pulses, levels(m)) == (5, 5, [1, 0] * 5)
    handle.stop()


def test_a_stimulus_that_is_stopped_lets_go():
    m = pic(level=True)
    m.pic.write(0, 1, 0xFF)
    handle = m.stimulate(m.irq(5), Periodic(100, hold="served"))
    m.run(insns=10)
    handle.stop()
    assert levels(m) == [1, 0]


def test_only_a_line_can_be_held_and_only_served_or_for_a_time():
    m = machine()
    with pytest.raises(VmmError, match="only a line can be held"):
        m.stimulate(vmm.Nmi(), Periodic(100, hold="served"))
    with pytest.raises(VmmError, match=r"Periodic: hold='serve' is not a number, nor 'served'"):
        Periodic(100, hold="serve")


def test_both_are_recorded(tmp_path):
    m = vmm.boot("x86/first_isr")
    with m.recording(tmp_path / "served.vmmrec"):
        m.run(until="handler")
        m.irq(5).lower()
        m.irq(4).edge()
        m.irq(5).until_served()
        m.run()
    again = vmm.replay(tmp_path / "served.vmmrec")
    again.run()
    assert again.verified and again.machine.trace.hash == m.trace.hash


def test_a_scenario_serves_many_without_a_flood():
    m = pic(level=True)

    async def scenario(m):
        for _ in range(3):
            m.irq(5).until_served()
            await Elapsed(insns=50)
        return m.cpu["ebx"]

    assert run(m, scenario) == 3
