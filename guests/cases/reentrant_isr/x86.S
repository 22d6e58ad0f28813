/* A handler ends its interrupt and lets others in before it is done: then it is entered again, over its own data. */
#include "x86/guest.h"

#define SAMPLES 3
#define SUM     6                       /* of 1, 2 and 3 */
#define WORK    300                     /* rounds of work on a sample: longer than the next one takes to come */

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    PIC_UNMASK 5
sleep:
    cli
    cmpl    $SAMPLES, count
    jae     done
    sti
    hlt
    jmp     sleep
done:
    CHECK_EQ sum, $SUM, "each sample is in the sum once"
    POWER_OFF

handler:
    push    %eax
    push    %ecx
    movl    sample, %eax
    movl    %eax, current
#ifndef FIXED
    PIC_EOI 5
#endif
    sti                                 # what is more urgent need not wait
    movl    $WORK, %ecx
work:
    loop    work
    movl    current, %eax
    addl    %eax, sum
    cli
    incl    count
#ifdef FIXED
    PIC_EOI 5
#endif
    pop     %ecx
    pop     %eax
    iret

    VAR     sample
    VAR     current
    VAR     sum
    VAR     count
