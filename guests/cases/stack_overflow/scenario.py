"""Three sources, each of the later ones within the handler of the one before, where that lets it in."""

from vmm import Machine, Reach

LINES = (5, 6, 7)


async def scenario(m: Machine) -> None:
    await Reach("begin")
    for line in LINES:
        m.irq(line).until_served()
        await Reach("fill")
