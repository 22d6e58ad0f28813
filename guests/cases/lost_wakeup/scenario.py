"""The interrupt comes at the last moment: just before the processor falls asleep."""

from vmm import Machine, Reach


async def scenario(m: Machine) -> None:
    await Reach("doze")
    m.irq(5).until_served()
