"""A converter that delivers three samples in a burst: the next one comes as soon as the last one was acknowledged."""

from vmm import Acknowledged, Elapsed, Machine

SAMPLES = (1, 2, 3)


async def scenario(m: Machine) -> None:
    await Elapsed(us=50)
    for sample in SAMPLES:
        m.write("sample", sample.to_bytes(4, "little"))
        m.irq(5).until_served()
        await Acknowledged()
        await Elapsed(us=1)
