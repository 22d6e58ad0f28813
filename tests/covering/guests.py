"""A guest whose map is worked out by hand, and what its addresses are."""

from pathlib import Path

from vmm.toolchain import assemble

SOURCE = """\
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
shadowed:
    nop
begin:
    movl    n, %eax
    incl    %eax
    movl    %eax, n
end:
    cli
masked:
    nop
    cmpl    $99, n
    je      unused
    POWER_OFF
unused:
    nop
    decl    n

handler:
    incl    n
    PIC_EOI 5
    iret
    VAR     n
"""
OPEN_AT = {"begin": 0, "second": 5, "third": 6, "end": 11}
"""Boundaries with IF 1 and no shadow, in bytes from `begin`: MOV EAX, moffs32 and MOV moffs32, EAX are five bytes, INC
EAX is one (SDM 2A).
"""
LINES = {5 + 5: "begin", 11: "second", 12: "third", 14: "end"}
"""Their source lines."""


def made(directory: Path) -> Path:
    """Assembled, beside its source."""
    source = directory / "covered.S"
    source.write_text(SOURCE)
    return assemble(source, arch="x86", out=directory / "covered.elf")
