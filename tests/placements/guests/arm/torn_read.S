/*
 * Torn read: a clock of 64 bits that the handler advances is read in two halves, here as its lower half wraps. Between
 * the two reads it moves, and the copy is neither what was nor what is. FIXED: read until the upper half stays.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    MOV32   r0, clock
    MOV32   r1, copy
    mvn     r2, #0
    str     r2, [r0]
    cpsie   i
begin:
    nop
#ifdef FIXED
again:
    ldr     r3, [r0, #4]
    ldr     r2, [r0]
    ldr     r4, [r0, #4]
    cmp     r3, r4
    bne     again
#else
    ldr     r2, [r0]
upper:
    ldr     r3, [r0, #4]
#endif
    str     r2, [r1]
    str     r3, [r1, #4]
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    MOV32   r1, clock
    ldr     r2, [r1]
    ldr     r3, [r1, #4]
    adds    r2, r2, #1
    adc     r3, r3, #0
    str     r2, [r1]
    str     r3, [r1, #4]
    GIC_EOI r0
    IRQ_LEAVE

    VAR     clock, 8
    VAR     copy, 8
