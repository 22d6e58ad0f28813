/* Handlers that let one another in, on a stack for little more than one of them. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define GUARD       24589
#define BUFFER      32
#define ROOM        96                  /* bytes of stack */

    GUEST   irq=handler
    GIC_INIT
    .irp    line, SPI(5), SPI(6), SPI(7)
    GIC_ENABLE (\line)
    .endr
    STORE   stack_guard, GUARD
    ldr     sp, =top
    cpsie   i
begin:
    nop
end:
    nop
    .rept   64
    nop
    .endr
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    sub     sp, sp, #BUFFER
#ifndef FIXED
    cpsie   i                           @ the others need not wait
#endif
    mov     r0, #0
fill:
    str     r0, [sp, r0, lsl #2]
    add     r0, r0, #1
    cmp     r0, #BUFFER / 4
    blo     fill
    cpsid   i
    add     sp, sp, #BUFFER
    IRQ_LEAVE

    .section .bss
    .balign 16
stack_guard:
    .skip   8
    .skip   ROOM
top:
