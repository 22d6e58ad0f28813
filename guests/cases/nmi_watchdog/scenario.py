"""A device that answers, a clock, and a watchdog that calls when it hears no heartbeat, and then pulls the plug."""

from vmm import Elapsed, Machine

DEVICE, CLOCK, WATCHDOG = 5, 6, 7
TICK_US, PATIENCE_US = 50, 500


async def scenario_device(m: Machine) -> None:
    await Elapsed(us=120)
    m.irq(DEVICE).until_served()


async def scenario_clock(m: Machine) -> None:
    while True:
        await Elapsed(us=TICK_US)
        m.irq(CLOCK).until_served()


async def scenario_watchdog(m: Machine) -> None:
    heard = -1
    while heard != m.u32("heartbeat"):
        heard = m.u32("heartbeat")
        await Elapsed(us=PATIENCE_US)
    if m.architecture == "x86":
        m.nmi()
    else:
        m.irq(WATCHDOG).until_served()
    await Elapsed(us=PATIENCE_US)
    m.end()
