/*
 * Stack overflow by nesting: a handler needs 32 bytes of a stack of 48, and lets in another that finds 16. The guard
 * word below the stack says so. FIXED: it keeps others out.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define GUARD   0x600DC0DE

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    STORE   guard, GUARD
    MOV32   sp, small_stack
    cpsie   i
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER                           // the return state and six registers
    MOV32   r1, GICC
    ldr     r0, [r1, #GICC_IAR]         // until here one more is none: the line is high
taken:
    str     r0, [r1, #GICC_EOIR]
#ifndef FIXED
    cpsie   i
    nop
#endif
last:
    cpsid   i
    IRQ_LEAVE

    .bss
    .balign 16
    .skip   64
guard:
    .skip   4
    .skip   48
small_stack:
