/* A system call's handler is interrupted by hardware at every boundary that it leaves open. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   svc=call, irq=hardware
    GIC_INIT
    GIC_ENABLE SPI(5)
    cps     #MODE_SYS                   // whose LR an SVC does not touch
    cpsie   i
    nop
begin:
    svc     #0
    cpsid   i
    cpsie   i
    svc     #0
end:
    nop
    nop
    POWER_OFF

call:
    srsdb   sp!, #MODE_SVC              // return address and SPSR are safe
    push    {r0-r2, r12}
#ifndef FIXED
    cpsie   i
#endif
    ldr     r0, =taken
    ldr     r1, [r0]
    nop
    ldr     r2, [r0]
    cmp     r1, r2
    beq     whole
    INCREMENT torn
whole:
    cpsid   i
    pop     {r0-r2, r12}
    rfeia   sp!

hardware:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT taken
    GIC_EOI r0
    IRQ_LEAVE

    VAR     taken
    VAR     torn
