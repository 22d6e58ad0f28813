/* A number is raised to a secret power, bit by bit; one routine does a bit, and has a page of its own. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define BITS    256
#define BASE    3
#define TIMER   SPI(5)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER
    MOV32   r4, key
    mov     r5, #0
    mov     r6, #1
    mov     r7, #BASE
    cpsie   i
next:
    bl      one_bit
    add     r5, r5, #1
    cmp     r5, #BITS
    blo     next
    cpsid   i
    STORE_REG power, r6
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    IRQ_LEAVE

    .balign 4096
one_bit:
    mul     r6, r6, r6
    lsr     r8, r5, #5
    ldr     r8, [r4, r8, lsl #2]
    and     r9, r5, #31
    lsr     r8, r8, r9
    tst     r8, #1
#ifdef FIXED
    mulne   r6, r6, r7                  // counts as one whether it does something or not
#else
    beq     leave
    mul     r6, r6, r7
leave:
#endif
    bx      lr
    .balign 4096

    VAR     power
    .data
    .balign 4
key:
    .skip   BITS/8
