/* A system call's handler is interrupted by hardware at every boundary that it leaves open. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   sync=call, irq=hardware
    GIC_INIT
    GIC_ENABLE SPI(5)
    msr     daifclr, #DAIF_I
    nop
begin:
    svc     #0
    msr     daifset, #DAIF_I
    msr     daifclr, #DAIF_I
    svc     #0
end:
    nop
    nop
    POWER_OFF

call:
    IRQ_ENTER                           // ELR and SPSR are safe
#ifndef FIXED
    msr     daifclr, #DAIF_I
#endif
    ldr     x0, =taken
    ldr     w1, [x0]
    nop
    ldr     w2, [x0]
    cmp     w1, w2
    b.eq    whole
    INCREMENT torn
whole:
    msr     daifset, #DAIF_I
    IRQ_LEAVE

hardware:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT taken
    GIC_EOI x0
    IRQ_LEAVE

    VAR     taken
    VAR     torn
