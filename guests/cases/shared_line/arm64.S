/* Two devices share a line whose input takes edges: while one of them holds it, the other brings none. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define SHARED   SPI(5)
#define REQUESTS 3

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SHARED
    GIC_ENABLE SHARED
sleep:
    LOAD    x0, served
    cmp     w0, #REQUESTS
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
look:
    ldr     x1, =disk
    ldr     w2, [x1]
    cbz     w2, no_disk
    str     wzr, [x1]
disk_served:
    INCREMENT served
#ifdef FIXED
    b       look                        // until nobody wants anything
#else
    b       leave
#endif
no_disk:
    ldr     x1, =network
    ldr     w2, [x1]
    cbz     w2, leave
    str     wzr, [x1]
network_served:
    INCREMENT served
#ifdef FIXED
    b       look
#endif
leave:
    GIC_EOI x0
    IRQ_LEAVE

    VAR     disk
    VAR     network
    VAR     served
