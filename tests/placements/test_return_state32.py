"""ARMv7's banked LR and SPSR keep where the last handler of their mode returned to (DDI0406 B1.3.2): placements that
differ in nothing else share what follows, unless somebody changes to that mode and has them.
"""

from __future__ import annotations

import pytest

from placements.exploring import assembled, explored

HEAD = """
#include "arm/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    MOV32   r9, seen
    MOV32   r10, begin+16
    cpsie   i
begin:
    .rept   12
    add     r4, r4, #3
    .endr
    nop
end:
    nop
"""
HANDLER = """
over:
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    IRQ_LEAVE
    VAR     seen
"""
WITHIN = """
over:
    POWER_OFF
handler:                                // in IRQ mode, to its end
    push    {r0-r3, r12, lr}
    GIC_ACK r0
    GIC_EOI r0
    pop     {r0-r3, r12, lr}
    subs    pc, lr, #4
    VAR     seen
"""
TELL = "    cmp r1, r10\n    moveq r1, #1\n    movne r1, #0\n    str r1, [r9]\n"
READS = {
    "by its mode": "    cpsid i\n    cps #MODE_IRQ\n    mov r1, lr\n    cps #MODE_SVC\n" + TELL,
    "by a write of CPSR": "    cpsid i\n    msr cpsr_c, #(0x80|MODE_IRQ)\n    mov r1, lr\n    cps #MODE_SVC\n" + TELL,
    "by storing it": "    cpsid i\n    cps #MODE_IRQ\n    srsdb sp!, #MODE_SVC\n    cps #MODE_SVC\n    pop {r1, r2}\n"
    + TELL,
}
BOUNDARIES = 14


def asked(**more):
    return {"inject": "spi:5", "board": "virt,gic=2", "between": ("begin", "end"), "until": "over", **more}


def agreed(text, **more):
    """The report and the rows, where sharing changes nothing."""
    image = assembled("arm", text)
    report, rows = explored(image, **asked(**more))
    assert rows == explored(image, reduction=False, **asked(**more))[1]
    return report, rows


@pytest.mark.parametrize("handler", [HANDLER, WITHIN], ids=["leaves its mode", "stays in it"])
def test_placements_that_differ_in_the_banked_registers_alone_are_one(handler):
    report, _ = agreed(HEAD + handler)
    assert (report.verdict, report.boundaries) == ("proven", BOUNDARIES)
    assert report.tails < 4


def test_with_pairs_too():
    report, _ = agreed(HEAD + HANDLER, depth=2)
    assert report.verdict == "proven"
    assert report.tails < report.placements / 5


@pytest.mark.parametrize("how", READS)
def test_not_where_what_follows_reads_the_return_address(how):
    """The fifth boundary is at begin + 16, to which the handler has set LR."""
    report, rows = agreed(HEAD + READS[how] + HANDLER, check="seen == 0")
    assert [row.insns for row in rows if row.failing] == [4]
    assert report.tails == BOUNDARIES


def test_not_where_what_follows_reads_the_saved_flags():
    """Z is set in the middle of the window."""
    halves = HEAD.replace("    nop\nend:", "    cmp r4, r4\n    .rept 5\n    nop\n    .endr\nend:")
    reads = "    cpsid i\n    cps #MODE_IRQ\n    mrs r1, spsr\n    cps #MODE_SVC\n"
    reads += "    lsr r1, r1, #30\n    and r1, r1, #1\n    str r1, [r9]\n"
    _, rows = agreed(halves.replace("cpsie   i", "cpsie   i\n    cmp r9, #0") + reads + HANDLER, check="seen == 0")
    assert [row.insns for row in rows if row.failing] == list(range(13, 13 + 6))


def test_an_interrupt_in_between_has_written_them():
    """What it returned to is what is read: the same, wherever the first one came."""
    second = "    GIC_SGI 1, 0\n    nop\n" + READS["by its mode"]
    head = HEAD.replace("    GIC_ENABLE SPI(5)", "    GIC_ENABLE SPI(5)\n    GIC_ENABLE 1")
    report, _ = agreed(head + second + HANDLER, check="seen == 0")
    assert report.verdict == "proven"
    assert report.tails < 4
