/*
 * PLANTED BUG, for the tests to find: this is @NAME@.S, and it may sleep for ever.
 *
 * Interrupts are unmasked all the time. If the interrupt comes behind the look at `count` and before WFI, its handler
 * has run when WFI begins, and WFI waits for one that never comes.
 *
 * To mend it: mask interrupts before the look and unmask them behind WFI, as in @NAME@.S: WFI ends with what is pending,
 * masked or not.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)
    MOV32   r4, count
    cpsie   i
again:
    ldr     r0, [r4]                    // the look …
    cmp     r0, #0
    bne     done
sleep:
    wfi                                 // … and a sleep that believes it
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
