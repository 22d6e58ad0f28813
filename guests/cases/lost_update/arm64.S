/* Main and a handler add to one counter: what comes between main's load and its store is lost. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x1, =n
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
    ldr     w0, [x1]
    add     w0, w0, #1
    str     w0, [x1]
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
end:
    nop
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT n
    GIC_EOI x0
    IRQ_LEAVE

    VAR     n
