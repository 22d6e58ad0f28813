"""What an abort's syndrome says of the fault, in words (DDI0487 D13.2.37, ISS of instruction and data aborts).

The codes are those of DDI0406's long format (table B3-24); of an abort under short descriptors, whose DFSR and IFSR
have codes of their own (table B3-23), the core records the same. Sections are of level 1 there, pages of level 2.
"""

from __future__ import annotations

FETCHES = (0x20, 0x21)
DATA = (0x24, 0x25)
"""Exception classes, from a lower level and from the same one."""
STATUS = 0x3F
WRITE = 1 << 6

WITH_LEVEL = {
    0x00: "address size fault",
    0x04: "translation fault",
    0x08: "access flag fault",
    0x0C: "permission fault",
    0x14: "external abort on a table walk",
    0x1C: "parity error on a table walk",
}
"""By the code of level 0, of which bits 1 and 0 are the level."""
OTHERS = {
    0x10: "external abort",
    0x11: "asynchronous external abort",
    0x18: "parity error",
    0x19: "asynchronous parity error",
    0x21: "alignment fault",
    0x22: "debug event",
    0x30: "TLB conflict",
    0x31: "unsupported atomic update",
    0x34: "lockdown",
    0x35: "unsupported exclusive or atomic access",
    0x3D: "domain fault, level 1",
    0x3E: "domain fault, level 2",
}


def told(exception_class: int, syndrome: int) -> str:
    """What is added to the name of an abort: `, a write: translation fault, level 1`; nothing to other exceptions."""
    if exception_class not in (*FETCHES, *DATA):
        return ""
    status = syndrome & STATUS
    walked = WITH_LEVEL.get(status & ~3)
    fault = OTHERS.get(status) or (f"{walked}, level {status & 3}" if walked else "a reserved status")
    write = ", a write" if exception_class in DATA and syndrome & WRITE else ""
    return f"{write}: {fault}"
