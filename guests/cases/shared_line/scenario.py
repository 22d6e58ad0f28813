"""A disk and a network card on one line, each of which holds it until it has been served."""

from vmm import Elapsed, Machine
from vmm.protocols import Line

SHARED = 5


async def scenario_disk(m: Machine) -> None:
    line = m.bus.line(SHARED)
    for _ in range(2):
        await Elapsed(us=50)
        await asks(m, "disk", line)


async def scenario_network(m: Machine) -> None:
    await m.reach("handler")
    await asks(m, "network", m.bus.line(SHARED))


async def asks(m: Machine, device: str, line: Line) -> None:
    m.write(device, bytes([1]))
    line.set(True)
    await m.reach(f"{device}_served")
    line.set(False)
