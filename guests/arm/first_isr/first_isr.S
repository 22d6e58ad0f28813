/* A first interrupt handler and its test: raise a line, count in the handler, check the count (IHI0048 3.2). */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    RAISE   5
    wfi                                 // until it is pending, masked or not
    cpsie   i
    cpsid   i
    CHECK_AT count, 1, "one level on SPI 5 runs the handler once"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT count
    LOWER   5
    GIC_EOI r0
    IRQ_LEAVE

    VAR     count
