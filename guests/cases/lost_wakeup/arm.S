/* The program looks whether the interrupt has come, and sleeps where it has not: it may come in between. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r1, =count
    cpsie   i
begin:
#ifdef FIXED
    cpsid   i
#endif
    ldr     r0, [r1]
    cmp     r0, #1
    bhs     done
doze:
    wfi                                 // until one is pending, masked or not
#ifdef FIXED
    cpsie   i                           // it comes here
    isb
#endif
    b       begin
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT count
    GIC_EOI r0
    IRQ_LEAVE

    VAR     count
