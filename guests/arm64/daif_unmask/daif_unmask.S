/*
 * A pending interrupt is taken as soon as it is unmasked (DDI0487 D1.13): the instruction after the one that clears
 * PSTATE.I has not run. Whichever way the mask goes, ELR_EL1 in the handler is the address of `next`.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(8)

/* UNMASK way, next, instruction ...: what is pending comes between the instruction and the one at `next`. */
.macro UNMASK way, next, instruction:vararg
    msr     daifset, #DAIF_I
    GIC_PEND SPI(8)
    wfi
    mov     x9, #0
    STORE   count, 0
    \instruction
\next:
    mov     x9, #1
    msr     daifset, #DAIF_I
    CHECK_AT count, 1, "\way: the interrupt comes"
    CHECK_AT returns_to, \next, "\way: it returns to the next instruction"
    CHECK_AT seen, 0, "\way: which had not run"
.endm

    UNMASK  "MSR DAIFClr", after_daifclr, msr daifclr, #DAIF_I

    mrs     x10, daif
    bic     x10, x10, #PSTATE_I
    UNMASK  "MSR DAIF", after_daif, msr daif, x10

    mov     x10, #(PSTATE_DAIF & ~PSTATE_I | EL1H)
    msr     spsr_el1, x10
    ldr     x10, =after_eret
    msr     elr_el1, x10
    UNMASK  "ERET", after_eret, eret

    msr     daifset, #DAIF_I
    GIC_PEND SPI(8)
    wfi
    STORE   count, 0
    msr     daifset, #DAIF_F
    msr     daifclr, #DAIF_F
    CHECK_AT count, 0, "an IRQ does not come by unmasking FIQ"
    POWER_OFF

handler:
    IRQ_ENTER
    mrs     x0, elr_el1
    STORE_REG returns_to, x0
    STORE_REG seen, x9
    INCREMENT count
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE

    VAR     count
    VAR     returns_to
    VAR     seen
