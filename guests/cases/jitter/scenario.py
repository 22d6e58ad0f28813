"""A clock that ticks each 100 us, and a network that is busy."""

from vmm import Machine, Periodic, Poisson

NETWORK, CLOCK = 5, 6


async def scenario(m: Machine) -> None:
    await m.reach("sleep")
    m.stimulate(m.irq(CLOCK), Periodic(period=100, unit="us", hold="served"))
    m.stimulate(m.irq(NETWORK), Poisson(mean=60, unit="us", hold="served"))
