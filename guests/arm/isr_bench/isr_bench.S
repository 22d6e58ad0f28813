/*
 * Interrupt round trips and nothing else, to be timed from outside: the guest sends itself an SGI through GICD_SGIR,
 * the handler acknowledges it, ends it and returns. Nothing is stored but in the controller.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define ROUNDS  200000
#define BENCH   SGI(1)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE BENCH
    MOV32   r4, (GICD+GICD_SGIR)
    MOV32   r5, GICC
    MOV32   r6, (SGIR_SELF|BENCH)
    MOV32   r7, ROUNDS
    mov     r8, #0                      // interrupts taken
    cpsie   i
round:
    add     r9, r8, #1
    str     r6, [r4]
taken:
    cmp     r8, r9
    blo     taken
    cmp     r8, r7
    blo     round
    cpsid   i
    CHECK_EQ r8, ROUNDS, "every SGI was one interrupt"
    PRINT_DEC r8
    PRINT   " round trips\n"
    POWER_OFF

handler:
    ldr     r0, [r5, #GICC_IAR]
    add     r8, r8, #1
    str     r0, [r5, #GICC_EOIR]
    subs    pc, lr, #4
