/* A tick that comes while the guest has interrupts masked must wait, and be taken when it unmasks them. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, tick                 # IRQ 5 has vector 20h + 5
    PIC_UNMASK 5
    sti
begin:
    cli
    movl    shared, %eax                # read, change, write: a tick in between would be overwritten
    incl    %eax
    movl    %eax, shared
    sti
    nop                                 # the shadow of STI
end:
    POWER_OFF

tick:
    incl    ticks
    incl    shared
    PIC_EOI 5
    iret

    VAR     ticks
    VAR     shared
