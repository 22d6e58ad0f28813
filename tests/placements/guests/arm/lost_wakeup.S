/*
 * Lost wake-up: the program waits for an event with a timeout; the handler says which of the two came and stops the
 * timer. Between the look at `ready` and WFI the event is not seen, and nothing is left to end the sleep. FIXED:
 * interrupts are masked for the look, and one that is pending ends WFI all the same (DDI0406 B1.8.13).
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE TIMER_IRQ
    TIMER_AFTER 6250                    // 100 us
    MOV32   r0, ready
    cpsie   i
begin:
#ifdef FIXED
    cpsid   i
#endif
look:
    ldr     r1, [r0]
decide:
    cmp     r1, #0
    bne     awake
sleep:
    wfi
#ifdef FIXED
    cpsie   i
#endif
    b       begin
awake:
#ifdef FIXED
    cpsie   i
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    TIMER_OFF
    STORE_REG ready, r0
    GIC_EOI r0
    IRQ_LEAVE

    VAR     ready
