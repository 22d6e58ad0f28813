"""A device that interrupts once."""

from vmm import Machine, Reach

DEVICE = 5
PATIENCE = 20_000


async def scenario(m: Machine) -> None:
    await Reach("begin")
    m.limit(insns=m.instructions + PATIENCE)
    m.irq(DEVICE).until_served()
