/*
 * A torn read that is rare: the clock of 64 bits is read in two halves once, among 300 other instructions, and the bug
 * has one boundary.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    movl    $0xFFFFFFFF, clock
    sti
    nop                                 # STI's shadow
begin:
    .rept   100
    incl    work
    addl    $3, %ebx
    .endr
    movl    clock, %eax
upper:
    movl    clock+4, %edx
    .rept   100
    addl    %ebx, work
    .endr
    movl    %eax, copy
    movl    %edx, copy+4
end:
    nop
over:
    POWER_OFF

handler:
    addl    $1, clock
    adcl    $0, clock+4
    PIC_EOI
    iret

    VAR     work
    VAR     clock, 8
    VAR     copy, 8
