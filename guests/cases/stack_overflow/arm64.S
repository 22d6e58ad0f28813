/* Handlers that let one another in, on a stack for little more than one of them. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define GUARD       24589
#define BUFFER      32
#define ROOM        160                 // bytes of stack

    GUEST   irq=handler
    GIC_INIT
    .irp    line, SPI(5), SPI(6), SPI(7)
    GIC_ENABLE (\line)
    .endr
    STORE   stack_guard, GUARD
    ldr     x0, =top
    mov     sp, x0
    msr     daifclr, #DAIF_I
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
    GIC_ACK x0
    GIC_EOI x0
    sub     sp, sp, #BUFFER
#ifndef FIXED
    msr     daifclr, #DAIF_I            // the others need not wait
#endif
    mov     x0, #0
fill:
    str     w0, [sp, x0, lsl #2]
    add     x0, x0, #1
    cmp     x0, #BUFFER / 4
    b.lo    fill
    msr     daifset, #DAIF_I
    add     sp, sp, #BUFFER
    IRQ_LEAVE

    .section .bss
    .balign 16
stack_guard:
    .skip   16
    .skip   ROOM
top:
