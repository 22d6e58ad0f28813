/*
 * Re-entrant handler: it lets interrupts in, and keeps what it works on in a static buffer meanwhile. A second one in
 * between leaves its own number there: 2 + 2 in place of 2 + 1. FIXED: the number stays in a register, which each
 * handler saves.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    msr     daifclr, #DAIF_I
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    ldr     x1, =GICC
    ldr     x3, =serial                 // of serial, buffer and sum
    ldr     w0, [x1, #GICC_IAR]         // until here one more is none: the line is high
taken:
    ldr     w2, [x3]
    add     w2, w2, #1
    str     w2, [x3]
#ifndef FIXED
    str     w2, [x3, #4]
#endif
    str     w0, [x1, #GICC_EOIR]
    msr     daifclr, #DAIF_I
    nop
last:
    msr     daifset, #DAIF_I
#ifndef FIXED
    ldr     w2, [x3, #4]
#endif
    ldr     w1, [x3, #8]
    add     w1, w1, w2
    str     w1, [x3, #8]
    IRQ_LEAVE

    .bss
    .balign 16
serial:
    .skip   4
buffer:
    .skip   4
sum:
    .skip   8
