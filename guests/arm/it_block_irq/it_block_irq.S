/*
 * An interrupt inside an IT block (DDI0406 A2.5.2, B1.8.1): SPSR keeps what is left of the block, and the return goes
 * on with it. One instruction of each block pends the interrupt, which comes before the next one: that is so wherever
 * an interrupt is taken as soon as it can be. The handler is A32 and changes the flags.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(8)
    MOV32   r10, (GICD+GICD_ISPENDR+4)
    mov     r11, #(1<<8)                // SPI 8, stored at R10

/* RUN block, R0 == 0 makes EQ true, what R4 adds up to, ITSTATE when the interrupt came. */
.macro RUN block, zero, sum, itstate
    mov     r4, #0
    mov     r5, #0                      // interrupts taken
    mov     r0, #\zero
    MOV32   r1, (\block+1)              // T32
    cpsie   i
    blx     r1
    cpsid   i
    CHECK_EQ r5, 1, "\block: one interrupt"
    CHECK_EQ r6, after_\block, "\block: it returns to the instruction after the one that pends"
    CHECK_EQ r7, \itstate, "\block: SPSR has what is left of the block"
    CHECK_EQ r4, \sum, "\block: which is done as if nothing had been"
.endm

    RUN     itttt_eq_0, 0, (2|4|8), 0x02
    RUN     itttt_eq_1, 0, (1|4|8), 0x04
    RUN     itttt_eq_2, 0, (1|2|8), 0x08
    RUN     itttt_eq_3, 0, (1|2|4), 0
    RUN     itete_eq_0, 0, 4, 0x16
    RUN     itete_eq_2, 0, 1, 0x18
    RUN     itete_ne_0, 1, 4, 0x0A
    POWER_OFF

handler:
    sub     r6, lr, #4
    IRQ_ENTER
    ldr     r0, [sp, #28]               // SPSR, above R0-R3, R12, LR and the return address
    ubfx    r7, r0, #10, #6             // IT[7:2]
    ubfx    r0, r0, #25, #2             // IT[1:0]
    orr     r7, r0, r7, lsl #2
    GIC_ACK r0
    GIC_EOI r0
    add     r5, r5, #1
    cmp     r5, #0                      // NE
    IRQ_LEAVE

.macro PENDING_OR_ADD block, at, n
    .if \at == \n
    streq   r11, [r10]
after_\block:
    .else
    addeq   r4, r4, #(1<<\n)
    .endif
.endm

.macro ITTTT_EQ block, at
\block:
    cmp     r0, #0
    itttt   eq
    PENDING_OR_ADD \block, \at, 0
    PENDING_OR_ADD \block, \at, 1
    PENDING_OR_ADD \block, \at, 2
    PENDING_OR_ADD \block, \at, 3
    bx      lr
.endm

    .thumb
    .balign 4
    ITTTT_EQ itttt_eq_0, 0
    ITTTT_EQ itttt_eq_1, 1
    ITTTT_EQ itttt_eq_2, 2
    ITTTT_EQ itttt_eq_3, 3

itete_eq_0:
    cmp     r0, #0
    itete   eq
    streq   r11, [r10]
after_itete_eq_0:
    addne   r4, r4, #2
    addeq   r4, r4, #4
    addne   r4, r4, #8
    bx      lr

itete_eq_2:
    cmp     r0, #0
    itete   eq
    addeq   r4, r4, #1
    addne   r4, r4, #2
    streq   r11, [r10]
after_itete_eq_2:
    addne   r4, r4, #8
    bx      lr

itete_ne_0:
    cmp     r0, #0
    itete   ne
    strne   r11, [r10]
after_itete_ne_0:
    addeq   r4, r4, #2
    addne   r4, r4, #4
    addeq   r4, r4, #8
    bx      lr
