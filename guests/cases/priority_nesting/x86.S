/* A handler that lets interrupts in relies on its own being in service: once it is ended, the low one comes, too. */
#include "x86/guest.h"

#define WORK    100                     /* rounds of the middle handler's work */

.macro STEP digit                       # of `order`, one each for a handler's beginning and end
    shll    $4, order
    orl     $\digit, order
.endm

    GUEST_PROTECTED32
    IDT_GATE 0x23, high                 # IRQ 3
    IDT_GATE 0x25, middle               # IRQ 5
    IDT_GATE 0x26, low                  # IRQ 6
    PIC_UNMASK 3
    PIC_UNMASK 5
    PIC_UNMASK 6
sleep:
    cli
    cmpl    $3, count
    jae     done
    sti
    hlt
    jmp     sleep
done:
    CHECK_EQ order, $0x231456, "the high one comes within the middle one, the low one behind it"
    POWER_OFF

middle:
    push    %ecx
    STEP    2
    sti                                 # what is of a higher priority need not wait
#ifndef FIXED
    PIC_EOI 5
#endif
    movl    $WORK, %ecx
work:
    loop    work
    cli
    STEP    4
    incl    count
#ifdef FIXED
    PIC_EOI 5
#endif
    pop     %ecx
    iret

high:
    STEP    3
    incl    count
    STEP    1
    PIC_EOI 3
    iret

low:
    STEP    5
    incl    count
    STEP    6
    PIC_EOI 6
    iret

    VAR     order
    VAR     count
