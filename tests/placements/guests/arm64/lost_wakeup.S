/*
 * Lost wake-up: the program waits for an event with a timeout; the handler says which of the two came and stops the
 * timer. Between the look at `ready` and WFI the event is not seen, and nothing is left to end the sleep. FIXED:
 * interrupts are masked for the look, and one that is pending ends WFI all the same (DDI0487 D1.16.2).
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE TIMER_IRQ
    TIMER_AFTER 6250                    // 100 us
    ldr     x0, =ready
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
look:
    ldr     w1, [x0]
decide:
    cbnz    w1, awake
sleep:
    wfi
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
    b       begin
awake:
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    TIMER_OFF
    STORE_REG ready, x0
    GIC_EOI x0
    IRQ_LEAVE

    VAR     ready
