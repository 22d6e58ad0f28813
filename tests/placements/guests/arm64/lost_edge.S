/*
 * Lost edge: the program disables the interrupt while it works on what the handler works on, too, and begins anew by
 * clearing what is pending: an edge that came meanwhile (IHI0048B 4.3.8). FIXED: it leaves that alone.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    ldr     x0, =GICD
    mov     w1, #(1<<(SPI(5)%32))
    ldr     x2, =shared
    msr     daifclr, #DAIF_I
begin:
    nop
    str     w1, [x0, #(GICD_ICENABLER+4)]
work:
    ldr     w3, [x2]
    add     w3, w3, #1
    str     w3, [x2]
#ifndef FIXED
done:
    str     w1, [x0, #(GICD_ICPENDR+4)]
#endif
    str     w1, [x0, #(GICD_ISENABLER+4)]
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT shared
    GIC_EOI x0
    IRQ_LEAVE

    VAR     shared
