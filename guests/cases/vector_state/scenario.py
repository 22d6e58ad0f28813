"""A message comes while the program adds up."""

from vmm import Elapsed, Machine, Reach


async def scenario(m: Machine) -> None:
    await Reach("begin")
    await Elapsed(insns=8)
    m.write("message", bytes(range(16)))
    m.irq(5).until_served()
