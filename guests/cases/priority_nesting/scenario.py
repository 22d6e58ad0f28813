"""A middle source; a low one while the middle one's handler begins, and a high one in the midst of its work."""

from vmm import Elapsed, Machine

HIGH, MIDDLE, LOW = 3, 5, 6


async def scenario(m: Machine) -> None:
    await Elapsed(us=50)
    m.irq(MIDDLE).until_served()
    await m.reach("middle")
    m.irq(LOW).until_served()
    await m.reach("work")
    m.irq(HIGH).until_served()
