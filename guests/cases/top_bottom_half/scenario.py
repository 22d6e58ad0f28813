"""A clock that ticks each 50 us, and a packet each 70 us."""

from vmm import Elapsed, Machine, Periodic

PACKETS = 40
PACKET, TICK = 5, 6


async def scenario(m: Machine) -> None:
    await m.reach("sleep")
    m.stimulate(m.irq(TICK), Periodic(period=50, unit="us", hold="served"))
    for _ in range(PACKETS):
        await Elapsed(us=70)
        m.irq(PACKET).until_served()
