/* A kernel masks interrupts while it computes with a bit of its key, for a time that depends on the bit. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define BITS    512
#define ZERO    200                     /* instructions that a bit takes */
#define ONE     800

    GUEST   irq=timer
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r4, =key
    ldr     r5, =rounds
    mov     r6, #0
    cpsie   i
next:
    ldrb    r1, [r4, r6, lsr #3]
    and     r0, r6, #7
    lsr     r1, r1, r0
    and     r1, r1, #1                  // the bit
    cpsid   i
masked:
#ifdef FIXED
    ldr     r2, [r5, #4]
#else
    ldr     r2, [r5, r1, lsl #2]
#endif
compute:
    subs    r2, r2, #1
    bne     compute
    cpsie   i
    add     r6, r6, #1
    cmp     r6, #BITS
    blo     next
    POWER_OFF

timer:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    IRQ_LEAVE

    .data
rounds:
    .long   ZERO/2, ONE/2
key:
    .skip   BITS/8
