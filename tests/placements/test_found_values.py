"""Values that reads may find: which combinations there are is counted here by hand from the source.

The program reads `x`, which is 0, twice; only (1, 7) is wrong, in this order. Its handler adds what it reads to `sum`.
"""

from __future__ import annotations

import functools

import pytest

import vmm
from placements.exploring import assembled, explored
from vmm.errors import VmmError

SOURCES = {
    "x86": """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
begin:
    movl    x, %eax
second:
    movl    x, %ebx
    cmpl    $1, %eax
    jne     end
    cmpl    $7, %ebx
    jne     end
    incl    bad
end:
    nop
    POWER_OFF
handler:
    pushl   %eax
taken:
    movl    x, %eax
    addl    %eax, sum
    PIC_EOI 5
    popl    %eax
    iret
    VAR     x
    VAR     bad
    VAR     sum
""",
    "arm64": """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x20, =x
    ldr     x21, =bad
    msr     daifclr, #DAIF_I
begin:
    ldr     w4, [x20]
second:
    ldr     w5, [x20]
    cmp     w4, #1
    b.ne    end
    cmp     w5, #7
    b.ne    end
    str     w5, [x21]
end:
    nop
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
    ldr     x1, =sum
    ldr     x2, =x
taken:
    ldr     w2, [x2]
    ldr     w3, [x1]
    add     w3, w3, w2
    str     w3, [x1]
    GIC_EOI x0
    IRQ_LEAVE
    VAR     x
    VAR     bad
    VAR     sum
""",
}
BOARDS = {"x86": "pc,pit=off", "arm64": "virt,gic=2"}
INTERRUPTS = {"x86": "irq:5", "arm64": "spi:5"}
VALUES = ["read:x=0", "read:x=1", "read:x=7"]
UNDISTURBED = 5
"""Boundaries from begin to end: two loads, a comparison, the jump, and `end` itself."""

both = pytest.mark.parametrize("architecture", SOURCES)


@functools.cache
def image(architecture):
    return assembled(architecture, SOURCES[architecture])


def agreed(architecture, **asked):
    """The report, where sharing changes nothing."""
    asked = {"between": ("begin", "end"), "board": BOARDS[architecture], **asked}
    report, rows = explored(image(architecture), **asked)
    assert rows == explored(image(architecture), reduction=False, **asked)[1]
    return report


@both
def test_each_read_finds_each_value(architecture):
    """0 is there, so it is no other value: 1 or 7 at either of two reads."""
    report = agreed(architecture, inject=VALUES, check="bad == 0")
    assert (report.verdict, report.boundaries, report.placements) == ("proven", UNDISTURBED, 2 * 2)


@both
def test_two_reads_find_each_pair(architecture):
    """Beside the four single ones: behind a 1 found first the second read finds 0 or 7, behind a 7 0 or 1."""
    report = agreed(architecture, inject=VALUES, reads=2, check="bad == 0")
    assert (report.verdict, report.placements, report.failing) == ("counterexample", 4 + 2 * 2, 1)
    address = vmm.boot(image(architecture), console=None, board=BOARDS[architecture]).address
    assert [(each.source, each.placement.at.address) for each in report.least] == [
        ("read:x=1", address("begin")), ("read:x=7", address("second"))
    ]  # fmt: skip


@both
def test_a_handlers_read_finds_them_too(architecture):
    """One interrupt at any boundary, and 7 found in its handler, or found at one of the reads before it."""
    report = agreed(architecture, inject=["read:x=7", INTERRUPTS[architecture]], check="sum == 0")
    in_handler, behind_begin, behind_second = UNDISTURBED, UNDISTURBED - 1, UNDISTURBED - 2
    assert report.failing == in_handler + behind_begin + behind_second
    address = vmm.boot(image(architecture), console=None, board=BOARDS[architecture]).address
    assert [(each.source, each.placement.at.address) for each in report.least] == [
        ("read:x=7", address("begin")), (INTERRUPTS[architecture], address("second"))
    ]  # fmt: skip


def test_a_recording_repeats_what_was_found(tmp_path):
    tape = tmp_path / "least.vmmrec"
    vmm.explore(
        image("x86"), inject="read:x=0,1,7", reads=2, between=("begin", "end"), check="bad == 0", record=tape,
        board=BOARDS["x86"],
    )  # fmt: skip
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u32("bad")) == (True, 1)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("read:x", "^'read:x': read:x=0,7 is where it is read, and what may be found there$"),
        ("read:x=", "^'read:x=': read:x=0,7 is "),
        ("read:=1", "^'read:=1': read:x=0,7 is "),
        ("read:u8 x=300", "no value of u8"),
        ("read:y=1", "y"),
    ],
)
def test_what_is_no_value_is_refused(source, why):
    with pytest.raises(VmmError, match=why):
        vmm.explore(image("x86"), inject=source, between=("begin", "end"), board=BOARDS["x86"])


ACROSS = """
#include "x86/guest.h"
    GUEST_PROTECTED32
begin:
    movl    0x200ffe, %ecx
    movl    x, %eax
end:
    nop
    POWER_OFF
    VAR     x
"""


def test_a_load_across_pages_reads_no_other_place():
    """The first one ends on the page behind its own, the second reads x."""
    report = vmm.explore(
        assembled("x86", ACROSS), inject="read:x=7", between=("begin", "end"), until="end", check="x == 7",
        board="pc,pit=off",
    )  # fmt: skip
    assert (report.boundaries, report.placements, report.failing) == (3, 1, 0)
