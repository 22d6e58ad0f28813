/*
 * Lock deadlock: the handler spins on a lock that the interrupted program holds, and so waits for ever. FIXED: the
 * program keeps interrupts out while it holds the lock.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop                                 # STI's shadow
begin:
#ifdef FIXED
    cli
#endif
    movb    $1, lock
held:
    incl    shared
unlock:
    movb    $0, lock
#ifdef FIXED
    sti
#endif
end:
    nop
    nop
over:
    POWER_OFF

handler:
    pushl   %eax
    movb    $1, %al
spin:
    xchgb   %al, lock
    testb   %al, %al
    jnz     spin
    incl    shared
    movb    $0, lock
    PIC_EOI
    popl    %eax
    iret

    VAR     lock
    VAR     shared
