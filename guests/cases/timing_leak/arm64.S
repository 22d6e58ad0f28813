/* A kernel masks interrupts while it computes with a bit of its key, for a time that depends on the bit. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define BITS    512
#define ZERO    200                     /* instructions that a bit takes */
#define ONE     800

    GUEST   irq=timer
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x20, =key
    ldr     x21, =rounds
    mov     x22, #0
    msr     daifclr, #DAIF_I
next:
    lsr     x0, x22, #3
    ldrb    w1, [x20, x0]
    and     x0, x22, #7
    lsr     w1, w1, w0
    and     w1, w1, #1                  // the bit
    msr     daifset, #DAIF_I
masked:
#ifdef FIXED
    ldr     w2, [x21, #4]
#else
    ldr     w2, [x21, w1, uxtw #2]
#endif
compute:
    subs    w2, w2, #1
    b.ne    compute
    msr     daifclr, #DAIF_I
    add     x22, x22, #1
    cmp     x22, #BITS
    b.lo    next
    POWER_OFF

timer:
    IRQ_ENTER
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE

    .data
rounds:
    .long   ZERO/2, ONE/2
key:
    .skip   BITS/8
