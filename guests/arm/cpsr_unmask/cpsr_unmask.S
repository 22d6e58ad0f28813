/*
 * A pending interrupt is taken as soon as it is unmasked (DDI0406 B1.8): the instruction after the one that clears
 * CPSR.I has not run. Whichever way the mask goes, LR_irq - 4 in the handler is the address of `next`.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(8)

/* UNMASK way, next, instruction ...: what is pending comes between the instruction and the one at `next`. */
.macro UNMASK way, next, instruction:vararg
    cpsid   i
    GIC_PEND SPI(8)
    wfi
    mov     r4, #0                      // interrupts taken
    mov     r6, #0
    \instruction
\next:
    mov     r6, #1
    cpsid   i
    CHECK_EQ r4, 1, "\way: the interrupt comes"
    CHECK_EQ r5, \next, "\way: it returns to the next instruction"
    CHECK_EQ r7, 0, "\way: which had not run"
.endm

    UNMASK  "CPSIE", after_cps, cpsie i

    mrs     r10, cpsr
    bic     r10, r10, #PSR_I
    UNMASK  "MSR CPSR", after_msr, msr cpsr_c, r10

    msr     spsr_cxsf, r10
    MOV32   lr, after_movs
    UNMASK  "MOVS PC, LR", after_movs, movs pc, lr

    msr     spsr_cxsf, r10
    MOV32   lr, (after_subs+4)
    UNMASK  "SUBS PC, LR, #4", after_subs, subs pc, lr, #4

    MOV32   r11, frame
    str     r10, [r11, #4]
    UNMASK  "RFE", after_rfe, rfeia r11

    cpsid   if
    GIC_PEND SPI(8)
    wfi
    mov     r4, #0
    cpsie   f
    cpsid   f
    CHECK_EQ r4, 0, "an IRQ does not come by unmasking FIQ"
    POWER_OFF

handler:
    sub     r5, lr, #4
    mov     r7, r6
    IRQ_ENTER
    add     r4, r4, #1
    GIC_ACK r0
    GIC_EOI r0
    IRQ_LEAVE

    .data
    .balign 4
frame:                                  // of RFE: PC, CPSR
    .word   after_rfe, 0
