"""A hundred packets, one every 10 us."""

from collections.abc import Callable

from vmm import Machine
from vmm.plots.curves import Curve, Mark, Panel
from vmm.plots.run import Run

PACKETS = 100
EVERY_NS = 10_000
BYTES = 384
LOOP = {"x86": 3, "arm64": 4, "arm": 4}
"""Instructions of the program's own loop."""
COUNTS = range(1, 13)
ALLOWED_US = 80


async def scenario(m: Machine) -> None:
    await m.reach("loop")
    m.board.devices["nic"].traffic(PACKETS, EVERY_NS, BYTES)


def load(m: Machine) -> float:
    return 1 - LOOP[m.architecture] * m.u32("progress") / m.instructions


def figures(m: Machine) -> dict[str, str]:
    return {"instructions of handlers": f"{load(m):.0%}, of {m.instructions}"}


def curves(boot: Callable[[], Machine]) -> list[Panel]:
    loads, latest = [], []
    for count in COUNTS:
        m = boot()
        m.write("count", count.to_bytes(4, "little"))
        with m.trace.record():
            m.start(scenario)
            m.run()
            loads.append(100 * load(m))
            latest.append(max(work.waited for work in Run(m, "").works()))
    over = [count for count, late in zip(COUNTS, latest, strict=True) if late > ALLOWED_US]
    across = "packets for one interrupt"
    return [
        Panel("what it costs", across, "load of the handlers, %", [Curve("measured", COUNTS, loads)]),
        Panel(
            "how late it is", across, "until the latest packet is done, us", [Curve("measured", COUNTS, latest)],
            [Mark(f"allowed: at most {over[0] - 1} packets", ALLOWED_US)],
        ),
    ]  # fmt: skip
