/* The program looks whether the interrupt has come, and sleeps where it has not: it may come in between. */
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
    cmpl    $1, count
    jae     done
#ifdef FIXED
    sti                                 # nothing comes between this and HLT
#endif
doze:
    hlt
    jmp     begin
done:
    POWER_OFF

handler:
    incl    count
    PIC_EOI 5
    iret

    VAR     count
