"""What devices may say: ports of a PC, and registers in memory. Which combinations there are is counted by hand.

The program reads a status twice, and its data where bit 0 of the second was set: it never looks whether the status says
ready (a time-out that is forgotten), so data of FFh, which a line that floats gives, goes through.
"""

from __future__ import annotations

import functools

import pytest

import vmm
from placements.exploring import assembled, explored
from vmm.errors import VmmError

PORTS = """
#include "x86/guest.h"
    GUEST_PROTECTED32
begin:
    inb     $0x64, %al
again:
    inb     $0x64, %al
    testb   $1, %al
    jz      end
data:
    inb     $0x60, %al
#ifdef FIXED
    cmpb    $0xff, %al
    je      end
#endif
    movb    %al, got
end:
    nop
    POWER_OFF
    VAR     got
"""
PL011 = """
#include "arm64/guest.h"
    GUEST
    ldr     x20, =0x09000018            // UARTFR (DDI0183 3.3.3)
    ldr     x21, =got
begin:
    ldr     w0, [x20]
    tbz     w0, #4, end                 // RXFE
    mov     w1, #1
    str     w1, [x21]
end:
    nop
    POWER_OFF
    VAR     got
"""


@functools.cache
def image(text, fixed=False):
    return assembled("arm64" if "arm64" in text else "x86", "#define FIXED\n" * fixed + text)


def agreed(text, fixed=False, **asked):
    """The report, where sharing changes nothing."""
    asked = {"between": ("begin", "end"), "board": "virt" if "arm64" in text else "pc,pit=off", **asked}
    report, rows = explored(image(text, fixed), **asked)
    assert rows == explored(image(text, fixed), reduction=False, **asked)[1]
    return report


def test_a_status_that_says_ready_and_data_that_is_none(tmp_path):
    """Undisturbed the 8042 has nothing (1Ch is bit 0 clear). 1Dh may be read at either place; FFh behind the second."""
    tape, values = tmp_path / "least.vmmrec", ["read:port:0x64=0x1d", "read:port:0x60=0xff"]
    report = agreed(PORTS, inject=values, reads=2, check="u8 got != 0xff", record=tape)
    first, second, data_too, both = 1, 1, 1, 1
    assert (report.placements, report.failing) == (first + second + both + data_too, 1)
    address = vmm.boot(image(PORTS), console=None, board="pc,pit=off").address
    assert [(each.source, each.placement.at.address) for each in report.least] == [
        ("read:port:0x64=0x1d", address("again")), ("read:port:0x60=0xff", address("data"))
    ]  # fmt: skip
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u8("got")) == (True, 0xFF)
    assert agreed(PORTS, fixed=True, inject=values, reads=3, check="u8 got != 0xff").verdict == "proven"


def test_a_register_in_memory():
    """UARTFR is 97h undisturbed (TXFE, RXFE; DCD, DSR and CTS of who is connected, DDI0183 3.3.3): so that is no other
    value, and with 0 there is a character.
    """
    report = agreed(PL011, inject=["read:0x09000018=0x97", "read:0x09000018=0"], check="got == 1")
    assert (report.placements, report.failing) == (1, 1)
    assert report.least[0].source == "read:0x09000018=0"


def test_the_device_is_asked_all_the_same():
    """A byte that was sent is gone when it was read, whatever was read."""
    machine = vmm.boot(image(PORTS), console=None, board="pc,pit=off")
    machine.key("a")
    machine.run(until="data")
    machine.answer(0x60, 0x1234, port=True)
    machine.run(until="end")
    assert machine.u8("got") == 0x34
    assert machine.cpu["eax"] & 0xFF == 0x34


@pytest.mark.parametrize(
    ("inject", "why"),
    [
        ("read:port:0x10000=1", "port 0x10000 is outside 0-0xffff"), ("read:port:x=1", "'x' is no number"),
        ("read:port:0x60", "what may be found there"),
    ],
)  # fmt: skip
def test_what_is_no_port_is_refused(inject, why):
    with pytest.raises(VmmError, match=why):
        agreed(PORTS, inject=inject)


def test_a_board_without_ports_has_none():
    with pytest.raises(VmmError, match=r"^port 0x60 is "):
        agreed(PL011, inject="read:port:0x60=1")
    with pytest.raises(VmmError, match=r"^0x40000000 is no address of devices: they are from 0x"):
        vmm.Machine(vmm.Config(board="virt")).answer(0x40000000, 1)
