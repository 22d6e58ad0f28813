"""A software interrupt is part of its instruction: an IRQ that comes with it is delivered after it (SDM 3A 6.9)."""

import pytest

import vmm

pytestmark = pytest.mark.guest("software_first.S", board="pc,pit=off")


@pytest.mark.parametrize(
    ("vector", "place"),
    [(0x80, "open"), (0x81, "service")],
    ids=["interrupt gate: after IRET", "trap gate: at the handler's first instruction"],
)
def test_an_irq_during_int_n_is_delivered_where_the_gate_lets_it(guest, vector, place):
    order = []

    async def scenario(m):
        software = await vmm.Delivered(vector)
        m.irq(5).pulse()  # INT is done, its handler has not begun
        hardware = await vmm.Delivered(0x25)
        order.extend([software.source, hardware.source])
        assert hardware.pc == m.address(place)

    guest.start(scenario)
    assert guest.run().reason == "poweroff"
    assert order == ["software", "IRQ 5"]
