/*
 * Lost update: the program adds one to a counter, and so does the handler. Between the program's load and its store
 * the handler's one is lost. FIXED: a store that fails where somebody came in between (DDI0406 A3.4).
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    MOV32   r0, n
    cpsie   i
begin:
    nop
#ifdef FIXED
again:
    ldrex   r1, [r0]
    add     r1, r1, #1
    strex   r2, r1, [r0]
    cmp     r2, #0
    bne     again
#else
    ldr     r1, [r0]
add:
    add     r1, r1, #1
store:
    str     r1, [r0]
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT n
    clrex                               // returning does not
    GIC_EOI r0
    IRQ_LEAVE

    VAR     n
