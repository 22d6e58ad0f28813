/* Two devices share a line whose input takes edges: while one of them holds it, the other brings none. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define SHARED   SPI(5)
#define REQUESTS 3

    GUEST   irq=handler
    GIC_INIT
    GIC_EDGE SHARED
    GIC_ENABLE SHARED
sleep:
    LOAD    r0, served
    cmp     r0, #REQUESTS
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    mov     r3, #0
look:
    ldr     r1, =disk
    ldr     r2, [r1]
    cmp     r2, #0
    beq     no_disk
    str     r3, [r1]
disk_served:
    INCREMENT served
#ifdef FIXED
    b       look                        // until nobody wants anything
#else
    b       leave
#endif
no_disk:
    ldr     r1, =network
    ldr     r2, [r1]
    cmp     r2, #0
    beq     leave
    str     r3, [r1]
network_served:
    INCREMENT served
#ifdef FIXED
    b       look
#endif
leave:
    GIC_EOI r0
    IRQ_LEAVE

    VAR     disk
    VAR     network
    VAR     served
