"""A device that interrupts once, and a disk that has the page 50 us after it was asked for it."""

from vmm import Elapsed, Machine, Reach

DEVICE, DISK = 5, 6
SEEK_US = 50
PATIENCE = 20_000


async def scenario_device(m: Machine) -> None:
    m.limit(insns=PATIENCE)
    await Reach("begin")
    m.irq(DEVICE).until_served()


async def scenario_disk(m: Machine) -> None:
    await Reach("ask")
    await Elapsed(us=SEEK_US)
    m.irq(DISK).until_served()
