"""A sensor whose request comes as the longest mask begins, and an alarm of higher priority that comes during it."""

from vmm import Elapsed, Machine

ALARM, SENSOR = 5, 6


async def scenario(m: Machine) -> None:
    await m.reach("section")
    m.irq(SENSOR).until_served()
    await Elapsed(insns=10)
    m.irq(ALARM).until_served()
