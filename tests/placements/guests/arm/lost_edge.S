/*
 * Lost edge: the program disables the interrupt while it works on what the handler works on, too, and begins anew by
 * clearing what is pending: an edge that came meanwhile (IHI0048B 4.3.8). FIXED: it leaves that alone.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    MOV32   r0, GICD
    mov     r1, #(1<<(SPI(5)%32))
    MOV32   r2, shared
    cpsie   i
begin:
    nop
    str     r1, [r0, #(GICD_ICENABLER+4)]
work:
    ldr     r3, [r2]
    add     r3, r3, #1
    str     r3, [r2]
#ifndef FIXED
done:
    str     r1, [r0, #(GICD_ICPENDR+4)]
#endif
    str     r1, [r0, #(GICD_ISENABLER+4)]
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT shared
    GIC_EOI r0
    IRQ_LEAVE

    VAR     shared
