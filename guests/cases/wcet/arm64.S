/* A handler looks for the highest of 32 sources, bit by bit. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define SOURCES 32

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
sleep:
    LOAD    x0, served
    cmp     w0, #SOURCES
    b.hs    done
    wfi
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    ldr     x1, =waits
    ldr     w1, [x1]
    mov     w2, #31
#ifdef FIXED
    clz     w3, w1
    sub     w2, w2, w3
#else
look:
    tbnz    w1, #31, found
    lsl     w1, w1, #1
    subs    w2, w2, #1
    b.pl    look
#endif
found:
    ldr     x3, =counts
    ldr     w1, [x3, w2, uxtw #2]
    add     w1, w1, #1
    str     w1, [x3, w2, uxtw #2]
    ldr     x3, =served
    ldr     w1, [x3]
    add     w1, w1, #1
    str     w1, [x3]
    GIC_EOI x0
    IRQ_LEAVE

    VAR     waits
    VAR     served
    VAR     counts, 4*SOURCES
