"""Every source behind the expander once: all inputs that its handler has."""

from vmm import Elapsed, Machine

SOURCES = 32


async def scenario(m: Machine) -> None:
    for source in reversed(range(SOURCES)):
        await Elapsed(us=10)
        m.write("waits", (1 << source).to_bytes(4, "little"))
        m.irq(5).until_served()
