/*
 * Re-entrant handler: it lets interrupts in, and keeps what it works on in a static buffer meanwhile. A second one in
 * between leaves its own number there: 2 + 2 in place of 2 + 1. FIXED: the number stays in a register, which each
 * handler saves.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop                                 # STI's shadow
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:
    pushl   %ecx
    pushl   %eax
    incl    serial
    movl    serial, %ecx
#ifndef FIXED
    movl    %ecx, buffer
#endif
    movb    $OCW2_EOI, %al
    outb    %al, $PIC1
    sti
    nop                                 # its shadow
    nop
last:
    cli
#ifndef FIXED
    movl    buffer, %ecx
#endif
    addl    %ecx, sum
    popl    %eax
    popl    %ecx
    iret

    VAR     serial
    VAR     buffer
    VAR     sum
