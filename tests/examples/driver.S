/* A driver: its device holds SPI 40 high while it has a byte; the handler takes one at each interrupt. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define DATA    0x0C000000              /* reading it takes a byte */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(40)
    ldr     x20, =received
1:  msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
    ldr     x0, =received + 3
    cmp     x20, x0
    b.eq    full
    wfi
    b       1b
full:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    LOAD    x1, DATA
    strb    w1, [x20], #1
    GIC_EOI x0
    IRQ_LEAVE

    VAR     received
