"""A byte as the kernel goes to sleep: vmm run @NAME@.elf --scenario scenario.py"""

import vmm


async def scenario(m: vmm.Machine) -> None:
    await vmm.Reach("sleep")
    m.byte("x")  # arrives here, and is delivered as soon as the kernel admits it
    event = await vmm.Delivered()
    print(m.trace.describe(event))
