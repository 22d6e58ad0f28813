"""No tick is lost, wherever in the critical section it comes: the test runs at each of its boundaries."""

import pytest

import vmm


@pytest.mark.guest("masked_tick.S", board="pc,pit=off")
@pytest.mark.every_boundary("begin", "end")
def test_a_tick_in_the_critical_section_is_counted_and_nothing_overwritten(boundary):
    m = boundary.machine
    m.irq(5).pulse()
    assert m.run().reason == "poweroff"
    assert (m.u32("ticks"), m.u32("shared")) == (1, 2)


@pytest.mark.guest("masked_tick.S", board="pc,pit=off")
def test_it_waits_for_the_end_of_the_shadow_of_sti(guest):
    guest.run(until=vmm.Boundary("begin", 2))
    guest.irq(5).pulse()
    tick = guest.run(until=vmm.Delivered(0x25)).result
    assert tick.pc == guest.address("end")
    assert guest.pic.master.isr == 1 << 5
