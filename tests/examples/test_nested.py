"""While a handler runs, only a higher priority interrupts it (IHI0048 3.3)."""

import pytest

import vmm

FIRST, PEER, URGENT = 5, 6, 7
INTID = 32


@pytest.mark.guest("nested.S")
@pytest.mark.parametrize(
    ("second", "path"),
    [
        (URGENT, ["+5", "+7", "-7", "-5"]),
        (PEER, ["+5", "-5", "+6", "-6"]),
    ],
    ids=["urgent: nests", "of the same priority: waits"],
)  # fmt: skip
def test_who_comes_while_the_handler_works(guest, second, path):
    m, seen = guest, []

    async def device(m, number):
        m.spi(number).raise_()
        seen.append(f"+{(await vmm.Acknowledged(INTID + number)).number - INTID}")
        m.spi(number).lower()  # a level: else it comes again
        await vmm.Ended(INTID + number)
        seen.append(f"-{number}")

    m.run(until="ready")
    first = m.start(device(m, FIRST))
    m.run(until="working")
    m.start(device(m, second))
    m.run(insns=2000)
    assert first.finished and seen == path
    assert m.gic.cpu[0].running_priority == 0xFF
