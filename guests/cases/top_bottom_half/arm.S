/* A packet's work in the handler, or divided into a top half and a bottom half. */
#include "arm/guest.h"
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
    LOAD    r5, done
#ifdef FIXED
    LOAD    r4, received
    cmp     r5, r4
    blo     bottom_half
#endif
    cmp     r5, #PACKETS
    bhs     over
    wfi
    cpsie   i
    isb
    cpsid   i
    b       sleep
#ifdef FIXED
bottom_half:
    cpsie   i
    bl      work
    cpsid   i
    b       sleep
#endif
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, #TICK
    beq     tick
#ifdef FIXED
    INCREMENT received
#else
    bl      work
#endif
    GIC_EOI r0
    IRQ_LEAVE

work:                                   // uses up R1-R3 and R12
    MOV32   r1, buffer
    mov     r2, #WORDS
    mov     r3, #0
1:
    ldr     r12, [r1], #4
    add     r3, r3, r12
    subs    r2, r2, #1
    bne     1b
    STORE_REG sum, r3
    INCREMENT done
    bx      lr

tick:
    INCREMENT ticks
    GIC_EOI r0
    IRQ_LEAVE

    VAR     received
    VAR     done
    VAR     sum
    VAR     ticks
    VAR     buffer, 4*WORDS
