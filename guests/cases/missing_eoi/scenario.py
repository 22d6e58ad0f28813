"""A receiver whose second interrupt finds its mailbox empty, and a clock that should tick three times."""

from vmm import Elapsed, Machine

WORDS = (17, 0, 18)


async def scenario(m: Machine) -> None:
    receiver, clock = m.irq(5), m.irq(6)
    for word in WORDS:
        await Elapsed(us=50)
        m.write("mailbox", word.to_bytes(4, "little"))
        receiver.until_served()
        await Elapsed(us=50)
        clock.until_served()
