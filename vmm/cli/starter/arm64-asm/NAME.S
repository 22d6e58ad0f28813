/* @NAME@: wait for one interrupt and power off. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    ldr     x19, =count
again:
    msr     daifset, #DAIF_I            // nothing comes between the look at the count …
    ldr     w0, [x19]
    cbnz    w0, done
sleep:
    wfi                                 // … and WFI, which what is pending wakes, masked or not
    msr     daifclr, #DAIF_I
    isb
    b       again
done:
    PRINT   "one interrupt\n"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT count
    GIC_EOI x0
    IRQ_LEAVE

    VAR     count
