"""Guests that print behind the window, and what a serial port keeps: it is as much of a state as RAM is."""

from __future__ import annotations

from functools import cache

import pytest

from placements.exploring import assembled
from placements.test_same_verdict import agree
from vmm.placements.subject import Subject

PC = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop
begin:
    .rept   6
    incl    %ebx
    .endr
end:
    cli
    movl    $text, %esi
    movl    $61, %ecx
1:  movw    $0x3fd, %dx
2:  inb     %dx, %al
    testb   $0x20, %al
    jz      2b
    movw    $0x3f8, %dx
    lodsb
    outb    %al, %dx
    loop    1b
    movw    $0x3ff, %dx
    inb     %dx, %al
    movzbl  %al, %eax
    movl    %eax, kept
over:
    POWER_OFF
handler:
    push    %eax
    push    %edx
    movw    $0x3ff, %dx
    movb    %bl, %al
    outb    %al, %dx                    # the port's scratch register, and nothing else, says where it was
    PIC_EOI 4
    pop     %edx
    pop     %eax
    iret
    VAR     kept
text: .fill 61, 1, 'x'
"""

ARM = """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    mov     x14, #0x09000000
    mov     w11, #0
    msr     daifclr, #DAIF_I
begin:
    .rept   6
    add     w11, w11, #1
    .endr
end:
    msr     daifset, #DAIF_I
    mov     w13, #61
1:  ldr     w15, [x14, #0x18]
    tbnz    w15, #5, 1b
    mov     w15, #'x'
    str     w15, [x14]
    subs    w13, w13, #1
    b.ne    1b
    ldr     w15, [x14, #0x20]
    ldr     x16, =kept
    str     w15, [x16]
over:
    POWER_OFF
handler:
    IRQ_ENTER
    str     w11, [x14, #0x20]           // UARTILPR says where it was
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE
    VAR     kept
"""
image = cache(assembled)
GUESTS = {"x86": (PC, "irq:4", "pc,pit=off"), "arm64": (ARM, "spi:5", "virt,gic=2")}


@pytest.mark.parametrize("architecture", GUESTS)
def test_states_that_only_a_ports_register_tells_apart_are_two(architecture):
    """Of the seven boundaries from 0 to 6 increments, the one behind the third fails, and no other."""
    text, inject, board = GUESTS[architecture]
    report = agree(
        image(architecture, text), inject=inject, board=board, between=("begin", "end"), until="over",
        check=["kept != 3"],
    )  # fmt: skip
    assert (report.placements, report.failing) == (7, 1)


@pytest.mark.parametrize("architecture", GUESTS)
def test_what_it_prints_calls_nobody(architecture, monkeypatch):
    """So the state of Python's devices is taken once, before the first run, and never put back."""
    text, inject, board = GUESTS[architecture]
    machines = []
    boot = Subject.boot
    monkeypatch.setattr(Subject, "boot", lambda subject: machines.append(boot(subject)) or machines[-1])
    agree(image(architecture, text), inject=inject, board=board, between=("begin", "end"), until="over")
    assert len(machines) >= 2
    for machine in machines:
        assert machine._native.host_calls == 0
