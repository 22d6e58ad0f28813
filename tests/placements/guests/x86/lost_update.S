/*
 * Lost update: the program adds one to a counter, and so does the handler. Between the program's load and its store
 * the handler's one is lost. FIXED: one instruction, which nothing interrupts.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop                                 # STI's shadow
begin:
    nop
#ifdef FIXED
    incl    n
#else
    movl    n, %eax
add:
    incl    %eax
store:
    movl    %eax, n
#endif
end:
    nop
over:
    POWER_OFF

handler:
    incl    n
    PIC_EOI
    iret

    VAR     n
