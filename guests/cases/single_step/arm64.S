/* A number is raised to a secret power, bit by bit; one routine does a bit, and has a page of its own. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define BITS    256
#define BASE    3
#define TIMER   SPI(5)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER
    ldr     x19, =key
    mov     w20, #0
    mov     w21, #1
    mov     w22, #BASE
    msr     daifclr, #DAIF_I
next:
    bl      one_bit
    add     w20, w20, #1
    cmp     w20, #BITS
    b.lo    next
    msr     daifset, #DAIF_I
    STORE_REG power, x21
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE

    .balign 4096
one_bit:
    mul     w21, w21, w21
    lsr     w9, w20, #5
    ldr     w9, [x19, x9, lsl #2]
    lsr     w9, w9, w20                 // by its lower five bits
    tst     w9, #1
#ifdef FIXED
    mul     w10, w21, w22
    csel    w21, w10, w21, ne
#else
    b.eq    leave
    mul     w21, w21, w22
leave:
#endif
    ret
    .balign 4096

    VAR     power
    .data
    .balign 4
key:
    .skip   BITS/8
