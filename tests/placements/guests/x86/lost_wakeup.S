/*
 * Lost wake-up: the program waits for an event with a timeout; the event's handler says that it came and cancels the
 * timeout. Between the look at `ready` and HLT the event is not seen, and nothing is left to end the sleep. FIXED:
 * interrupts are off for the look, and STI's shadow reaches over HLT (SDM 2B STI).
 */
#include "x86/guest.h"

#define CLOCKS  100                     /* of the PIT: 84 us */

    GUEST_PROTECTED32
    IDT_GATE 0x24, event
    IDT_GATE 0x20, timeout
    PIC_UNMASK 4
    PIC_UNMASK 0
    movw    $CLOCKS, %ax
    PIT_ONCE
    sti
    nop                                 # STI's shadow
begin:
#ifdef FIXED
    cli
#endif
look:
    cmpl    $0, ready
decide:
    jne     awake
#ifdef FIXED
    sti
#endif
sleep:
    hlt
    jmp     begin
awake:
#ifdef FIXED
    sti
#endif
end:
    nop
    nop
over:
    POWER_OFF

event:
    OUT_BYTE PIC1_DATA, 0xFF            # the timeout is cancelled
    movl    $1, ready
    PIC_EOI
    iret

timeout:
    movl    $2, ready
    PIC_EOI
    iret

    VAR     ready
