"""A flood of packets for 6 ms, faster than they can be worked through."""

from vmm import Elapsed, Machine, Periodic

NETWORK = 10


async def scenario(m: Machine) -> None:
    await m.reach("loop")
    m.stimulate(m.irq(NETWORK), Periodic(period=15, unit="us", hold="served"), until=Elapsed(ms=6))


def figures(m: Machine) -> dict[str, str]:
    return {"underruns": f"{m.u32('underruns')} of {m.u32('periods')} periods"}
