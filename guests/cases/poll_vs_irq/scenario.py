"""A flood: two hundred packets, one every 4 us."""

from vmm import Machine

PACKETS = 200
EVERY_NS = 4_000
BYTES = 64
PIECE = 900


async def scenario(m: Machine) -> None:
    await m.reach("loop")
    m.board.devices["nic"].traffic(PACKETS, EVERY_NS, BYTES)


def figures(m: Machine) -> dict[str, str]:
    own = PIECE * m.u32("pieces") / m.instructions
    return {"the program's own work": f"{own:.0%} of {m.instructions} instructions"}
