/* The program and a handler take the same spinlock, on one core. */
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
take:
    movl    $1, %eax
    xchgl   %eax, lock
    testl   %eax, %eax
    jnz     take
held:
    incl    n
    movl    $0, lock
#ifdef FIXED
    sti
    nop
#endif
end:
    nop
    POWER_OFF

handler:
    push    %eax
spin:
    movl    $1, %eax
    xchgl   %eax, lock
    testl   %eax, %eax
    jnz     spin
    incl    n
    movl    $0, lock
    PIC_EOI 5
    pop     %eax
    iret

    VAR     lock
    VAR     n
