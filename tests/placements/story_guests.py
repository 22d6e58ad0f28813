"""Guests in which an interrupt at some boundary goes wrong, each with labels where it does."""

from __future__ import annotations

import pytest

import vmm
from vmm.toolchain import arch_of, assemble

X86 = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop
begin:
{body}
end:
    nop
    cli
{tail}
handler:
    push    %eax
{handled}
    PIC_EOI 4
    pop     %eax
    iret
    VAR     n, 16
    VAR     other
"""
COUNTED = '    CHECK_EQ n, $2, "both are counted"\n    POWER_OFF'
LOAD = "    nop\nload:\n    movl    n, %eax\nadd:\n    incl    %eax\nstore:\n    movl    %eax, n\nstored:\n    nop"
ARM = """
#include "{arch}/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     {base}, =n
    {unmask}
begin:
    nop
load:
    ldr     {value}, [{base}]
add:
    add     {value}, {value}, #1
store:
    str     {value}, [{base}]
end:
    nop
    {mask}
    CHECK_AT n, 2, "both are counted"
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK {ack}
    ldr     {one}, =n
    ldr     {two}, [{one}]
    add     {two}, {two}, #1
counted:
    str     {two}, [{one}]
    GIC_EOI {ack}
    IRQ_LEAVE
    VAR     n
"""
ARM64 = ARM.format(
    arch="arm64", base="x20", value="w4", ack="x0", one="x1", two="w2", unmask="msr daifclr, #DAIF_I",
    mask="msr daifset, #DAIF_I",
)  # fmt: skip
ARM32 = ARM.format(
    arch="arm", base="r6", value="r4", ack="r0", one="r1", two="r2", unmask="cpsie i", mask="cpsid i"
)  # fmt: skip


@pytest.fixture
def explored(tmp_path):
    """A report on a guest's source, and how it names the line behind a label in it."""

    def explore(source, **more):
        path = tmp_path / "guest.S"
        path.write_text(source)
        image = assemble(path, arch=arch_of(path), out=tmp_path / "guest.elf")
        board = {"board": "pc,pit=off"} if "x86" in source else {}
        inject = "irq:4" if "x86" in source else "spi:5"
        options = {"memory": 1 << 24, **board, **more}
        report = vmm.explore(image, inject=inject, between=("begin", "end"), **options)

        def line(label):
            lines = source.splitlines()
            return f"{label} guest.S:{lines.index(label + ':') + 2}"

        return report, line

    return explore


LOST_UPDATES = {
    "x86": X86.format(body=LOAD, tail=COUNTED, handled="counted:\n    incl    n"),
    "arm64": ARM64,
    "arm": ARM32,
}
TORN = X86.format(
    body="    nop\nfirst:\n    movl    n, %eax\nsecond:\n    movl    n+4, %edx",
    tail='    subl    %edx, %eax\n    movl    %eax, other\n    CHECK_EQ other, $0, "whole"\n    POWER_OFF',
    handled="    incl    n\nlast:\n    incl    n+4",
)
