/* Main and a handler add to one counter: what comes between main's load and its store is lost. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r1, =n
    cpsie   i
begin:
#ifdef FIXED
    cpsid   i
#endif
    ldr     r0, [r1]
    add     r0, r0, #1
    str     r0, [r1]
#ifdef FIXED
    cpsie   i
#endif
end:
    nop
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT n
    GIC_EOI r0
    IRQ_LEAVE

    VAR     n
