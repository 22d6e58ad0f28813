"""A hundred packets, one every 10 us."""

from vmm import Machine

PACKETS = 100
EVERY_NS = 10_000
BYTES = 384
LOOP = {"x86": 3, "arm64": 4}
"""Instructions of the program's own loop."""


async def scenario(m: Machine) -> None:
    await m.reach("loop")
    m.board.devices["nic"].traffic(PACKETS, EVERY_NS, BYTES)


def figures(m: Machine) -> dict[str, str]:
    share = LOOP[m.architecture] * m.u32("progress") / m.instructions
    return {"instructions of handlers": f"{1 - share:.0%}, of {m.instructions}"}
