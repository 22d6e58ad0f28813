/* Main and a handler add to one counter: what comes between main's load and its store is lost. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    PIC_UNMASK 5
    sti
    nop                                 # the shadow of STI
begin:
#ifdef FIXED
    cli
#endif
    movl    n, %eax
    incl    %eax
    movl    %eax, n
#ifdef FIXED
    sti
    nop
#endif
end:
    nop
    POWER_OFF

handler:
    incl    n
    PIC_EOI 5
    iret

    VAR     n
