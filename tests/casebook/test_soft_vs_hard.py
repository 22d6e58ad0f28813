"""Where a hardware interrupt comes in that is requested at each boundary around a software interrupt (SDM vol. 3A
6.8.1, 6.8.3; DDI0487 D1.13), worked out from the sources of the case's fixed variant.
"""

import pytest

import vmm

INT, CLI, STI = 2, 1, 1
"""Bytes of the instructions."""
HANDLER = 5
"""Instructions of the handler: MOV, NOP, CMP, JE, IRET."""


def comes_in_at(image: str, number: int) -> list[int]:
    """Of a request at each boundary from `begin` to `end`, in their order, what the interrupt's frame returns to."""
    m = vmm.boot(f"cases/soft_vs_hard/{image}", console=None)
    m.run(until="begin")
    start, places = m.snapshot(), []
    at_end = False
    while not at_end:
        m.restore(start)
        if places:
            m.run(insns=len(places))
        at_end = m.cpu.pc == m.address("end")
        with m.trace.record():
            m.irq(5).until_served()
            m.run()
            (taken,) = m.trace.of(kind="delivered", number=number)
        places.append(taken.pc - m.address("begin"))
    return places


def test_x86_by_gate_and_shadow() -> None:
    """Before INT, there; within it and at CLI behind it, at CLI; from STI on, whose shadow INT is in, behind that."""
    behind_first, behind_second = INT, INT + CLI + STI + INT
    expected = [0, *[behind_first] * (HANDLER + 1), *[behind_second] * (2 + HANDLER + 1)]
    assert comes_in_at("x86-fixed", 0x25) == expected


@pytest.mark.parametrize(("arch", "ahead"), [("arm64", 0), ("arm", 4)])
def test_arm_by_mask(arch: str, ahead: int) -> None:
    """Before SVC, there; within it, behind it; where IRQs are masked, behind what unmasks them; and at the end. The LR
    of an IRQ on ARMv7-A is 4 ahead (DDI0406 B1.8.3).
    """
    places = [place - ahead for place in comes_in_at(f"{arch}-fixed", 37)]
    svc, mask, unmask, last = 0, 4, 12, 16
    assert places == sorted(places)
    assert set(places) == {svc, mask, unmask, last}
    assert (places.count(svc), places.count(unmask)) == (1, 2)
