/* @NAME@: wait for one interrupt and power off. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    MOV32   r4, count
again:
    cpsid   i                           // nothing comes between the look at the count …
    ldr     r0, [r4]
    cmp     r0, #0
    bne     done
sleep:
    wfi                                 // … and WFI, which what is pending wakes, masked or not
    cpsie   i
    isb
    b       again
done:
    PRINT   "one interrupt\n"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT count
    GIC_EOI r0
    IRQ_LEAVE

    VAR     count
