/* A first interrupt handler and its test: raise a line, count in the handler, check the count (IHI0048 3.2). */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    RAISE   5
    wfi                                 // until it is pending, masked or not
    msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
    CHECK_AT count, 1, "one level on SPI 5 runs the handler once"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT count
    LOWER   5
    GIC_EOI x0
    IRQ_LEAVE

    VAR     count
