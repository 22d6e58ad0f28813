/* The end of interrupt comes before the device lets go of its line: whoever was interrupted stays so. */
#include "x86/guest.h"

#define BYTES   3
#define TICK_HZ 20000                   /* how often deferred work is done */

    GUEST_PROTECTED32
    IDT_GATE 0x20, tick
    IDT_GATE 0x24, received             # IRQ 4
    OUT_BYTE ELCR1, 0x10                # takes levels
    OUT_BYTE COM1_IER, IER_RECEIVED
    PIC_UNMASK 0
    PIC_UNMASK 4
    PIT_PERIODIC TICK_HZ
sleep:
    cli
    cmpl    $BYTES, bytes
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

received:
#ifdef FIXED
    call    read
    PIC_EOI 4
#else
    PIC_EOI 4
    movl    $1, work                    # the clock will see to it
#endif
    iret

tick:
    cmpl    $0, work
    je      ticked
    call    read
    movl    $0, work
ticked:
    PIC_EOI 0
    iret

read:                                   # the byte, and with that the line falls
    push    %eax
    push    %edx
    movw    $COM1_DATA, %dx
    inb     %dx, %al
    incl    bytes
    pop     %edx
    pop     %eax
    ret

    VAR     bytes
    VAR     work
