"""A timer that expires at each boundary, though it is due much later: its handler adds one to what the program adds one
to, so that an update is lost between the load and the store, and nowhere else.
"""

from __future__ import annotations

import pytest

import vmm
from placements.exploring import ADDS_ONE, assembled, explored
from vmm.errors import VmmError

SOURCES = {
    "8254": ADDS_ONE.format(set_up="IDT_GATE 0x20, handler\nPIC_UNMASK 0", end="PIC_EOI 0"),
    "generic timer": """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    ldr     x20, =n
    ldr     x0, =CNTFRQ_HZ
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    msr     daifclr, #DAIF_I
begin:
    ldr     w4, [x20]
add:
    add     w4, w4, #1
store:
    str     w4, [x20]
end:
    nop
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
    msr     cntv_ctl_el0, xzr
    ldr     w1, [x20]
    add     w1, w1, #1
    str     w1, [x20]
    GIC_EOI x0
    IRQ_LEAVE
    VAR     n
""",
}
BOARDS = {"8254": "pc", "generic timer": "virt,gic=2"}


@pytest.mark.parametrize("timer", SOURCES)
def test_a_timer_expires_at_each_boundary(timer, tmp_path):
    image, tape = assembled("x86" if timer == "8254" else "arm64", SOURCES[timer]), tmp_path / "least.vmmrec"
    asked = {"inject": "timer", "between": ("begin", "end"), "check": "n == 2", "board": BOARDS[timer]}
    report, rows = explored(image, record=tape, **asked)
    assert rows == explored(image, reduction=False, **asked)[1]
    address = vmm.boot(image, console=None, board=BOARDS[timer]).address
    assert [row.address for row in rows if row.cause] == [address("add"), address("store")]
    assert (report.placements, report.failing, report.delivered) == (4, 2, 4)
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u32("n")) == (True, 1)


def test_without_a_timer_no_time_passes():
    machine = vmm.boot("x86/first_isr", console=None, board="pc,pit=off")
    machine.run(until="guest")
    before = machine.position
    with pytest.raises(VmmError, match="no timer runs"):
        machine.skip_to_timer()
    assert machine.position == before


def test_which_timer_is_not_to_be_chosen():
    with pytest.raises(VmmError, match=r"^'timer:1': the timer is the one that is due next: it takes nothing more$"):
        vmm.explore("x86/first_isr", inject="timer:1", between=("guest", "guest"))
