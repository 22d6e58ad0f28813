"""Guests whose interrupts are counted by hand, and their pages."""

from __future__ import annotations

from pathlib import Path

import vmm

NESTED = """#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, later
    IDT_GATE 0x23, sooner
    PIC_UNMASK 5
    PIC_UNMASK 3
    pushl   $2
    popfl
begin:
    .rept 7
    nop
    .endr
    sti
    nop
here:
    POWER_OFF
later:
    jmp     end
sooner:
    nop
end:
    pushl   %eax
    movb    $0x20, %al
    outb    %al, $0x20
    popl    %eax
    iret
"""
HERE = NESTED.splitlines().index("here:") + 2
"""The line of the first instruction there."""
MASKED = 7 + 1 + 1
"""Instructions from `begin` to the first boundary that admits any: NOPs, STI, the one in its shadow (SDM 2B, STI)."""
TO_EOI, BACK = 1 + 3, 2
"""From a handler's first instruction to its OUT 20h, and from there to behind its IRET."""
HANDLER = TO_EOI + BACK
FRAME = 3 * 4
"""Bytes: EFLAGS, CS, EIP (SDM 3A 6.12.1)."""


def nested(folder: Path) -> tuple[vmm.Machine, str, int, int]:
    """IRQ 3 and 5 rise together; the former goes first (231468: lower is higher). Its page, the instruction at which
    they rose, and the stack pointer there.
    """
    path = folder / "nested.S"
    path.write_text(NESTED)
    m = vmm.boot(path, console=None, board="pc,pit=off")
    with vmm.RunPage(m, folder / "nested.html"):
        m.run(until="begin")
        began, esp = m.instructions, m.cpu["esp"]
        m.irq(3).raise_()
        m.irq(5).raise_()
        m.run()
    return m, str(folder / "nested.html"), began, esp
