/* The program and a handler take the same spinlock, on one core. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x4, =lock
    ldr     x5, =n
    mov     w6, #1
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
take:
    ldaxr   w0, [x4]
    cbnz    w0, take
    stxr    w1, w6, [x4]
    cbnz    w1, take
held:
    ldr     w0, [x5]
    add     w0, w0, #1
    str     w0, [x5]
    stlr    wzr, [x4]
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
end:
    nop
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    ldr     x1, =lock
    mov     w3, #1
spin:
    ldaxr   w2, [x1]
    cbnz    w2, spin
    stxr    w30, w3, [x1]
    cbnz    w30, spin
    INCREMENT n
    stlr    wzr, [x1]
    GIC_EOI x0
    IRQ_LEAVE

    VAR     lock
    VAR     n
