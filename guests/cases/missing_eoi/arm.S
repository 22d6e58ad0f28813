/* One path of a handler returns without an end of interrupt: what is active then blocks all of lower priority. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define RECEIVER    SPI(5)
#define CLOCK       SPI(6)

    GUEST   irq=handler
    GIC_INIT
    GIC_PRIORITY RECEIVER, 0x40
    GIC_PRIORITY CLOCK, 0x80
    GIC_ENABLE RECEIVER
    GIC_ENABLE CLOCK
sleep:
    ldr     r1, =ticks
    ldr     r0, [r1]
    cmp     r0, #3
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, #CLOCK
    beq     tick
received:
    ldr     r1, =mailbox
    ldr     r2, [r1]
    cmp     r2, #0
#ifdef FIXED
    beq     nothing
#else
    beq     leave
#endif
    mov     r3, #0
    str     r3, [r1]
    ldr     r1, =sum
    ldr     r3, [r1]
    add     r3, r3, r2
    str     r3, [r1]
nothing:
    GIC_EOI r0
    b       leave
tick:
    INCREMENT ticks
    GIC_EOI r0
leave:
    IRQ_LEAVE

    VAR     mailbox
    VAR     sum
    VAR     ticks
