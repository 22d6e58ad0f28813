/* A handler copies through a vector register that the interrupted program adds up in. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=received
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     r0, =rows
    mov     r1, #8
    vmov.i32 q0, #0
    cpsie   i
begin:
    vld1.32 {q1}, [r0]!
    vadd.i32 q0, q0, q1
    subs    r1, r1, #1
    bne     begin
    ldr     r2, =sum
    vst1.32 {q0}, [r2]
end:
    POWER_OFF

received:
    IRQ_ENTER
#ifdef FIXED
    vpush   {q0}
#endif
    ldr     r1, =message
    vld1.32 {q0}, [r1]
    ldr     r1, =taken
    vst1.32 {q0}, [r1]
#ifdef FIXED
    vpop    {q0}
#endif
    GIC_ACK r0
    GIC_EOI r0
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
