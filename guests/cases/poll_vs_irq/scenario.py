"""A flood: two hundred packets, one every 4 us."""

from collections.abc import Callable

from vmm import Machine
from vmm.plots.curves import Curve, Mark, Panel, crossing

PACKETS = 200
EVERY_NS = 4_000
BYTES = 64
PIECE = 900
MODES = {"interrupts": 0, "asks": 2, "both": 1}
RATES = (2, 5, 10, 20, 30, 50, 80, 125, 250)
"""Packets a millisecond."""
WINDOW = 400_000
"""Instructions in which they come, or as long as the program runs."""


async def scenario(m: Machine) -> None:
    await m.reach("loop")
    m.board.devices["nic"].traffic(PACKETS, EVERY_NS, BYTES)


def figures(m: Machine) -> dict[str, str]:
    own = PIECE * m.u32("pieces") / m.instructions
    return {"the program's own work": f"{own:.0%} of {m.instructions} instructions"}


def left(m: Machine, mode: int, rate: int) -> float:
    """Percent of the time that the program has for its own work."""
    m.write("mode", mode.to_bytes(4, "little"))
    m.run(until="loop")
    begin, every = m.instructions, 1_000_000 // rate
    m.board.devices["nic"].traffic(min(WINDOW * m.insn_ns // every, PACKETS), every, BYTES)
    m.run(insns=WINDOW)
    return 100 * PIECE * m.u32("pieces") / (m.instructions - begin)


def curves(boot: Callable[[], Machine]) -> list[Panel]:
    found = {name: Curve(name, RATES, [left(boot(), mode, rate) for rate in RATES]) for name, mode in MODES.items()}
    even = crossing(found["interrupts"], found["asks"])
    return [
        Panel(
            "what is left", "packets a millisecond", "the program's own work, %", list(found.values()),
            [Mark(f"the same cost: a packet every {1000 / even:.0f} us", even, upright=True)], RATES,
        )
    ]  # fmt: skip
