/*
 * Stack overflow by nesting: a handler needs 64 bytes of a stack of 96, and lets in another that finds 32. The guard
 * word below the stack says so. FIXED: it keeps others out.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define GUARD   0x600DC0DE

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    STORE   guard, GUARD
    ldr     x0, =small_stack
    mov     sp, x0
    msr     daifclr, #DAIF_I
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER                           // four pairs
    ldr     x1, =GICC
    ldr     w0, [x1, #GICC_IAR]         // until here one more is none: the line is high
taken:
    str     w0, [x1, #GICC_EOIR]
#ifndef FIXED
    msr     daifclr, #DAIF_I
    nop
#endif
last:
    msr     daifset, #DAIF_I
    IRQ_LEAVE

    .bss
    .balign 16
    .skip   64
guard:
    .skip   16
    .skip   96
small_stack:
