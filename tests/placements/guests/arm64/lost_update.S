/*
 * Lost update: the program adds one to a counter, and so does the handler. Between the program's load and its store
 * the handler's one is lost. FIXED: a store that fails where somebody came in between (DDI0487 B2.9).
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x0, =n
    msr     daifclr, #DAIF_I
begin:
    nop
#ifdef FIXED
again:
    ldxr    w1, [x0]
    add     w1, w1, #1
    stxr    w2, w1, [x0]
    cbnz    w2, again
#else
    ldr     w1, [x0]
add:
    add     w1, w1, #1
store:
    str     w1, [x0]
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT n
    GIC_EOI x0
    IRQ_LEAVE

    VAR     n
