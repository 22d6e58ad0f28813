/*
 * Re-entrant handler: it lets interrupts in, and keeps what it works on in a static buffer meanwhile. A second one in
 * between leaves its own number there: 2 + 2 in place of 2 + 1. FIXED: the number stays in a register, which each
 * handler saves.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    cpsie   i
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    MOV32   r1, GICC
    MOV32   r3, serial                 // of serial, buffer and sum
    ldr     r0, [r1, #GICC_IAR]         // until here one more is none: the line is high
taken:
    ldr     r2, [r3]
    add     r2, r2, #1
    str     r2, [r3]
#ifndef FIXED
    str     r2, [r3, #4]
#endif
    str     r0, [r1, #GICC_EOIR]
    cpsie   i
    nop
last:
    cpsid   i
#ifndef FIXED
    ldr     r2, [r3, #4]
#endif
    ldr     r1, [r3, #8]
    add     r1, r1, r2
    str     r1, [r3, #8]
    IRQ_LEAVE

    .bss
    .balign 16
serial:
    .skip   4
buffer:
    .skip   4
sum:
    .skip   8
