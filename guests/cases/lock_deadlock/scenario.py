"""The interrupt comes while the lock is held; and whoever stands still is not waited for."""

from vmm import Machine, Reach

PATIENCE = 20_000


async def scenario(m: Machine) -> None:
    m.limit(insns=PATIENCE)
    await Reach("held")
    m.irq(5).until_served()
