"""A hypervisor that lets one instruction begin between any two interrupts."""

from random import Random

from vmm import Machine, Storm

BITS = 256
TIMER = 5


async def scenario(m: Machine) -> None:
    m.write("key", Random(9).randbytes(BITS // 8))
    await m.reach("next")
    m.stimulate(m.irq(TIMER), Storm(gap=1, after="returned", hold="served"))
