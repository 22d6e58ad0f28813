/*
 * Torn read: a clock of 64 bits that the handler advances is read in two halves, here as its lower half wraps. Between
 * the two reads it moves, and the copy is neither what was nor what is. FIXED: read until the upper half stays.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    movl    $0xFFFFFFFF, clock
    sti
    nop                                 # STI's shadow
begin:
    nop
#ifdef FIXED
again:
    movl    clock+4, %edx
    movl    clock, %eax
    cmpl    clock+4, %edx
    jne     again
#else
    movl    clock, %eax
upper:
    movl    clock+4, %edx
#endif
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

    VAR     clock, 8
    VAR     copy, 8
