/*
 * Interrupt round trips and nothing else, to be timed from outside: the guest sends itself an SGI through
 * ICC_SGI1R_EL1, the handler acknowledges it, ends it and returns. All of it is system registers.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define ROUNDS  200000
#define BENCH   SGI(1)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE BENCH
    ldr     x21, =(BENCH<<24|1)         // to affinity 0.0.0.0
    ldr     w22, =ROUNDS
    mov     w23, #0                     // interrupts taken
    msr     daifclr, #DAIF_I
round:
    add     w24, w23, #1
    msr     ICC_SGI1R, x21
    isb
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
    mrs     x0, ICC_IAR1
    add     w23, w23, #1
    msr     ICC_EOIR1, x0
    eret
