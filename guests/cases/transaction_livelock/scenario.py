"""A timer that interrupts every 200 instructions."""

from vmm import Machine, Periodic

TIMER = 5
PERIOD = 200
PATIENCE = 40_000


async def scenario(m: Machine) -> None:
    await m.reach("transfer")
    m.limit(insns=m.instructions + PATIENCE)
    m.stimulate(m.irq(TIMER), Periodic(period=PERIOD, hold="served"))


def figures(m: Machine) -> dict[str, str]:
    return {"transactions": f"{m.u32('done')} committed, {m.u32('aborts')} aborted"}
