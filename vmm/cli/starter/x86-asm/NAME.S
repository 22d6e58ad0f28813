/* @NAME@: wait for one interrupt and power off. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5 has vector 20h + 5
    PIC_UNMASK 5
again:
    cli                                 # nothing comes between the look at the count …
    cmpl    $1, count
    jae     done
    sti                                 # … and HLT, which stands in the shadow of STI
sleep:
    hlt
    jmp     again
done:
    PRINT   "one interrupt\n"
    POWER_OFF

handler:
    incl    count
    PIC_EOI 5
    iret

    VAR     count
