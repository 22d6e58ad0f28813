"""Even an NMI does not come between MOV SS and the instruction that loads the stack pointer."""

import pytest

import vmm

FRAME = 12  # EFLAGS, CS, EIP


@pytest.mark.guest("stack_switch.S", board="pc,pit=off")
@pytest.mark.every_boundary("switch", "done")
def test_an_nmi_has_a_whole_stack(boundary):
    m = boundary.machine
    old = m.cpu["esp"]
    m.nmi()
    before = m.run(until=vmm.Delivered(2)).result.pc
    assert before != m.address("half")
    m.run()
    expected = old if before == m.address("switch") else m.address("other_stack")
    assert m.u32("seen") == expected - FRAME


@pytest.mark.guest("stack_switch.S", board="pc,pit=off")
def test_the_shadow_can_be_awaited(guest):
    guest.run(until="switch")
    guest.run(until=vmm.Shadow("mov ss"))
    assert guest.cpu.shadow == "mov ss"
    assert guest.cpu.pc == guest.address("half")
