/*
 * Interrupt round trips and nothing else, to be timed from outside: the guest sends itself an SGI through GICD_SGIR,
 * the handler acknowledges it, ends it and returns. Nothing is stored but in the controller.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define ROUNDS  200000
#define BENCH   SGI(1)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE BENCH
    ldr     x19, =(GICD+GICD_SGIR)
    ldr     x20, =GICC
    ldr     w21, =(SGIR_SELF|BENCH)
    ldr     w22, =ROUNDS
    mov     w23, #0                     // interrupts taken
    msr     daifclr, #DAIF_I
round:
    add     w24, w23, #1
    str     w21, [x19]
taken:
    cmp     w23, w24
    b.lo    taken
    cmp     w23, w22
    b.lo    round
    msr     daifset, #DAIF_I
    CHECK_EQ x23, ROUNDS, "every SGI was one interrupt"
    PRINT_DEC x23
    PRINT   " round trips\n"
    POWER_OFF

handler:
    ldr     w0, [x20, #GICC_IAR]
    add     w23, w23, #1
    str     w0, [x20, #GICC_EOIR]
    eret
