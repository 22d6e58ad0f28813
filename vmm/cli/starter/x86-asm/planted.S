/*
 * PLANTED BUG, for the tests to find: this is @NAME@.S, and it may sleep for ever.
 *
 * Interrupts are on all the time. If the interrupt comes behind the look at `count` and before HLT, its handler has
 * run when HLT begins, and HLT waits for one that never comes.
 *
 * To mend it: CLI before the look, and STI right before HLT, as in @NAME@.S: the shadow of STI holds the interrupt until
 * HLT has begun.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5 has vector 20h + 5
    PIC_UNMASK 5
    sti
    PRINT   "waiting\n"
again:
    cmpl    $1, count                   # the look …
    jae     done
sleep:
    hlt                                 # … and a sleep that believes it
    jmp     again
done:
    PRINT   "one interrupt\n"
    POWER_OFF

handler:
    incl    count
    PIC_EOI 5
    iret

    VAR     count
