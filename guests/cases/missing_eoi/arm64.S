/* One path of a handler returns without an end of interrupt: what is active then blocks all of lower priority. */
#include "arm64/guest.h"
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
    ldr     x1, =ticks
    ldr     w0, [x1]
    cmp     w0, #3
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, #CLOCK
    b.eq    tick
received:
    ldr     x1, =mailbox
    ldr     w2, [x1]
#ifdef FIXED
    cbz     w2, nothing
#else
    cbz     w2, leave
#endif
    str     wzr, [x1]
    ldr     x1, =sum
    ldr     w3, [x1]
    add     w3, w3, w2
    str     w3, [x1]
nothing:
    GIC_EOI x0
    b       leave
tick:
    INCREMENT ticks
    GIC_EOI x0
leave:
    IRQ_LEAVE

    VAR     mailbox
    VAR     sum
    VAR     ticks
