"""ELR_EL1 and SPSR_EL1 keep where the last handler returned to (DDI0487 C5.2.6, C5.2.18): placements that differ in
nothing else share what follows, unless it reads them.
"""

from __future__ import annotations

import pytest

from placements.exploring import assembled, explored

HEAD = """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler{more}
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x9, =seen
    msr     daifclr, #DAIF_I
begin:
    .rept   12
    add     w4, w4, #3
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
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE
    VAR     seen, 8
"""
READS = {
    "elr": "    mrs x0, elr_el1\n    ldr x1, =begin+16\n    cmp x0, x1\n    cset w0, eq\n    str w0, [x9]\n",
    "spsr": "    mrs x0, spsr_el1\n    lsr w0, w0, #31\n    str w0, [x9]\n",
}
"""What follows the window, and then `seen` differs by where the handler returned to."""
BOUNDARIES = 14


def asked(**more):
    return {"inject": "spi:5", "board": "virt,gic=2", "between": ("begin", "end"), "until": "over", **more}


def test_placements_that_differ_in_the_return_state_alone_are_one():
    report, _ = explored(assembled("arm64", HEAD.format(more="") + HANDLER), **asked())
    assert (report.verdict, report.boundaries) == ("proven", BOUNDARIES)
    assert report.tails < 4


def test_with_pairs_too():
    report, _ = explored(assembled("arm64", HEAD.format(more="") + HANDLER), **asked(depth=2))
    assert report.verdict == "proven"
    assert report.tails < report.placements / 5


def test_not_where_what_follows_reads_the_return_address():
    image = assembled("arm64", HEAD.format(more="") + READS["elr"] + HANDLER)
    report, rows = explored(image, check="seen == 0", **asked())
    assert [row.insns for row in rows if row.failing] == [4]
    assert report.tails == BOUNDARIES


def test_not_where_what_follows_reads_the_saved_flags():
    """N is set in the middle of the window."""
    halves = HEAD.format(more="").replace("    nop\nend:", "    cmp w4, #100\n    .rept 5\n    nop\n    .endr\nend:")
    image = assembled("arm64", halves + READS["spsr"] + HANDLER)
    _, rows = explored(image, check="seen == 0", **asked())
    assert [row.insns for row in rows if row.failing] == list(range(13, 13 + 6))


@pytest.mark.parametrize("depth", [1, 2])
def test_an_illegal_return_reads_them(depth):
    """ERET to EL2, which is not there, goes to ELR_EL1 all the same, with PSTATE.IL (DDI0487 D1.11.4)."""
    illegal = "    mov x0, #0x3C9\n    msr spsr_el1, x0\n    eret\n"
    wrong = READS["elr"] + "    b over\n"
    image = assembled("arm64", HEAD.format(more=", sync=wrong") + illegal + HANDLER + "wrong:\n" + wrong)
    asks = asked(check="seen == 0", depth=depth)
    _, rows = explored(image, **asks)
    _, whole = explored(image, reduction=False, **asks)
    assert rows == whole
    assert [row.insns for row in rows if row.cause] == [4]
