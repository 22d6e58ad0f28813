/*
 * Torn read: a clock of 64 bits that the handler advances is read in two halves, here as its lower half wraps. Between
 * the two reads it moves, and the copy is neither what was nor what is. FIXED: one load of 64 bits.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x0, =clock
    ldr     x1, =copy
    mov     x2, #0xFFFFFFFF
    str     x2, [x0]
    msr     daifclr, #DAIF_I
begin:
    nop
#ifdef FIXED
    ldr     x2, [x0]
    str     x2, [x1]
#else
    ldr     w2, [x0]
upper:
    ldr     w3, [x0, #4]
    stp     w2, w3, [x1]
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    ldr     x1, =clock
    ldr     x2, [x1]
    add     x2, x2, #1
    str     x2, [x1]
    GIC_EOI x0
    IRQ_LEAVE

    VAR     clock, 8
    VAR     copy, 8
