/* The program looks whether the interrupt has come, and sleeps where it has not: it may come in between. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x1, =count
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
    ldr     w0, [x1]
    cmp     w0, #1
    b.hs    done
doze:
    wfi                                 // until one is pending, masked or not
#ifdef FIXED
    msr     daifclr, #DAIF_I            // it comes here
    isb
#endif
    b       begin
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT count
    GIC_EOI x0
    IRQ_LEAVE

    VAR     count
