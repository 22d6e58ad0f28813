"""An interrupt as the guest goes to sleep: vmm run @NAME@.S --scenario scenario.py"""

import vmm


async def scenario(m: vmm.Machine) -> None:
    await vmm.Reach("sleep")
    m.irq(5).pulse()  # delivered here, or as soon as the guest admits it
    event = await vmm.Delivered()
    print(m.trace.describe(event))
