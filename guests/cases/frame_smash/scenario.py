"""A receiver whose second message is longer than the handler thought any would be."""

from vmm import Elapsed, Machine

MESSAGES = (b"as agreed", b"U" * 44)


async def scenario(m: Machine) -> None:
    receiver = m.irq(5)
    for message in MESSAGES:
        await Elapsed(us=50)
        m.write("message", message)
        m.write("length", len(message).to_bytes(4, "little"))
        receiver.until_served()
