"""A program with a timer, which expires at some time while the kernel computes with a bit of the key."""

from random import Random

from vmm import Elapsed, Machine

BITS = 512
TIMER = 5
SPREAD = 100
"""Instructions within which the timer expires: its owner cannot aim better."""


async def scenario(m: Machine) -> None:
    chance = Random(9)
    m.write("key", chance.randbytes(BITS // 8))
    for _ in range(BITS):
        await m.reach("masked")
        await Elapsed(insns=1 + chance.randrange(SPREAD))
        m.irq(TIMER).until_served()
