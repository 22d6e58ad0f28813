"""Two pulses, the second as the first is taken: vmm run @NAME@.elf --scenario scenario.py"""

import vmm


async def scenario(m: vmm.Machine) -> None:
    await vmm.Console("ready\n")
    m.spi(5).edge()
    await vmm.Reach("take_one")
    m.spi(5).edge()  # arrives here, and is delivered as soon as the firmware admits it
    event = await vmm.Delivered()
    print(m.trace.describe(event))
