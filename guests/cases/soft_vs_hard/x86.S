/* A software interrupt's handler is interrupted by hardware at every boundary that its gate leaves open. */
#include "x86/guest.h"

#define CALL    0x40
#ifdef FIXED
#define GATE    INTERRUPT_GATE          /* clears IF */
#else
#define GATE    TRAP_GATE               /* leaves IF alone */
#endif

    GUEST_PROTECTED32
    IDT_GATE 0x25, hardware             # IRQ 5
    IDT_GATE CALL, call, GATE
    PIC_UNMASK 5
    sti
    nop                                 # the shadow of STI
begin:
    int     $CALL
    cli
    sti
    int     $CALL                       # in the shadow
end:
    nop
    nop
    POWER_OFF

call:
    movl    taken, %eax
    nop
    cmpl    taken, %eax
    je      whole
    incl    torn
whole:
    iret

hardware:
    incl    taken
    PIC_EOI 5
    iret

    VAR     taken
    VAR     torn
