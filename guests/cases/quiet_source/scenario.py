"""Nobody comes; someone has had enough after a while, and pulls the plug."""

from vmm import Elapsed, Machine

PATIENCE = 50_000
"""Instructions: far more than three rings take."""


async def scenario(m: Machine) -> None:
    await Elapsed(insns=PATIENCE)
    m.end()
