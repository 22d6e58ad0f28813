"""A hypervisor that knows where the program is, and delivers what it likes."""

from vmm import Machine

SYSTEM_CALL, UNDEFINED = 0x80, 6


async def scenario(m: Machine) -> None:
    await m.reach("checked")
    m.inject(SYSTEM_CALL)
    await m.reach("compared")
    m.inject(UNDEFINED)


def figures(m: Machine) -> dict[str, str]:
    return {"wrong passwords that were right": f"{m.u32('granted')} of 2"}
