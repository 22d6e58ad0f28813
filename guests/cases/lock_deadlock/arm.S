/* The program and a handler take the same spinlock, on one core. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r4, =lock
    ldr     r5, =n
    mov     r6, #1
    mov     r7, #0
    cpsie   i
begin:
#ifdef FIXED
    cpsid   i
#endif
take:
    ldrex   r0, [r4]
    cmp     r0, #0
    bne     take
    strex   r1, r6, [r4]
    cmp     r1, #0
    bne     take
    dmb
held:
    ldr     r0, [r5]
    add     r0, r0, #1
    str     r0, [r5]
    dmb
    str     r7, [r4]
#ifdef FIXED
    cpsie   i
#endif
end:
    nop
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    ldr     r1, =lock
    mov     r3, #1
spin:
    ldrex   r2, [r1]
    cmp     r2, #0
    bne     spin
    strex   r12, r3, [r1]
    cmp     r12, #0
    bne     spin
    dmb
    INCREMENT n
    dmb
    mov     r3, #0
    str     r3, [r1]
    GIC_EOI r0
    IRQ_LEAVE

    VAR     lock
    VAR     n
