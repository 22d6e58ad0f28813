/* The program reads a position of two words, which a handler moves: between the two loads the halves do not belong together. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=moved
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r4, =position
    ldr     r5, =moves
    ldr     r6, =apart
    ldr     r7, =ready
    ldr     r8, =word
    cpsie   i
begin:
#ifdef FIXED
    ldr     r2, [r5]
#endif
    ldr     r0, [r4]
    ldr     r1, [r4, #4]
#ifdef FIXED
    ldr     r3, [r5]
    cmp     r2, r3
    bne     begin
#endif
    sub     r0, r0, r1
    str     r0, [r6]
    ldr     r0, [r7]                    @ the flag comes behind the word: this is safe
    cmp     r0, #0
    beq     end
    ldr     r1, [r8]
    subs    r1, r1, #7
    ldr     r0, =unready
    str     r1, [r0]
end:
    nop
    POWER_OFF

moved:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT position
    INCREMENT (position+4)
    INCREMENT moves
    STORE   word, 7
    STORE   ready, 1
    GIC_EOI r0
    IRQ_LEAVE

    VAR     position, 8
    VAR     moves
    VAR     apart
    VAR     word
    VAR     ready
    VAR     unready
