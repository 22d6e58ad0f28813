/* One path of a handler returns without an end of interrupt: what is in service then blocks all of lower priority. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, received             # IRQ 5
    IDT_GATE 0x26, tick                 # IRQ 6, of lower priority
    PIC_UNMASK 5
    PIC_UNMASK 6
sleep:
    cli
    cmpl    $3, ticks
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

received:
    push    %eax
    movl    mailbox, %eax
    testl   %eax, %eax
#ifdef FIXED
    jz      nothing
#else
    jz      leave
#endif
    addl    %eax, sum
    movl    $0, mailbox
nothing:
    PIC_EOI 5
leave:
    pop     %eax
    iret

tick:
    incl    ticks
    PIC_EOI 6
    iret

    VAR     mailbox
    VAR     sum
    VAR     ticks
