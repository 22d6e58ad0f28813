/* A handler copies through a vector register that the interrupted program adds up in. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=received
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x0, =rows
    mov     x1, #8
    movi    v0.4s, #0
    msr     daifclr, #DAIF_I
begin:
    ldr     q1, [x0], #16
    add     v0.4s, v0.4s, v1.4s
    subs    x1, x1, #1
    b.ne    begin
    ldr     x2, =sum
    str     q0, [x2]
end:
    POWER_OFF

received:
    IRQ_ENTER
#ifdef FIXED
    str     q0, [sp, #-16]!
#endif
    ldr     x1, =message
    ldr     q0, [x1]
    ldr     x1, =taken
    str     q0, [x1]
#ifdef FIXED
    ldr     q0, [sp], #16
#endif
    GIC_ACK x0
    GIC_EOI x0
    IRQ_LEAVE

    VAR     message, 16
    VAR     taken, 16
    VAR     sum, 16

    .section .rodata, "a", %progbits
    .balign 16
rows:
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8
    .word   \n, \n, \n, \n
    .endr
