/* A packet's work in the handler, or divided into a top half and a bottom half. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define PACKETS 40
#define WORDS   256
#define PACKET  SPI(5)
#define TICK    SPI(6)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE PACKET
    GIC_ENABLE TICK
sleep:
    LOAD    x5, done
#ifdef FIXED
    LOAD    x4, received
    cmp     w5, w4
    b.lo    bottom_half
#endif
    cmp     w5, #PACKETS
    b.hs    over
    wfi
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
#ifdef FIXED
bottom_half:
    msr     daifclr, #DAIF_I
    bl      work
    msr     daifset, #DAIF_I
    b       sleep
#endif
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, #TICK
    b.eq    tick
#ifdef FIXED
    INCREMENT received
#else
    bl      work
#endif
    GIC_EOI x0
    IRQ_LEAVE

work:                                   // uses up X1-X3 and X9
    ldr     x1, =buffer
    mov     w2, #WORDS
    mov     w3, #0
1:
    ldr     w9, [x1], #4
    add     w3, w3, w9
    subs    w2, w2, #1
    b.ne    1b
    STORE_REG sum, x3
    INCREMENT done
    ret

tick:
    INCREMENT ticks
    GIC_EOI x0
    IRQ_LEAVE

    VAR     received
    VAR     done
    VAR     sum
    VAR     ticks
    VAR     buffer, 4*WORDS
