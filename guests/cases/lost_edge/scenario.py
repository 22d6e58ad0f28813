"""A sensor that pulses its line when a word is ready: once while the driver sleeps, once while it works, masked."""

from vmm import Elapsed, Machine


async def scenario(m: Machine) -> None:
    await Elapsed(us=50)
    await word(m)
    await m.reach("work")
    await word(m)


async def word(m: Machine) -> None:
    m.write("ready", (m.u32("ready") + 1).to_bytes(4, "little"))
    line = m.irq(5)
    line.raise_()
    await Elapsed(us=1)
    line.lower()
