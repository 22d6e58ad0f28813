/*
 * PLANTED BUG, for the tests to find: this is @NAME@.S, and it may sleep for ever.
 *
 * Interrupts are unmasked all the time. If the interrupt comes behind the look at `count` and before WFI, its handler
 * has run when WFI begins, and WFI waits for one that never comes.
 *
 * To mend it: mask interrupts before the look and unmask them behind WFI, as in @NAME@.S: WFI ends with what is pending,
 * masked or not.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    ldr     x19, =count
    msr     daifclr, #DAIF_I
again:
    ldr     w0, [x19]                   // the look …
    cbnz    w0, done
sleep:
    wfi                                 // … and a sleep that believes it
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
