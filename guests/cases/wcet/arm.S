/* A handler looks for the highest of 32 sources, bit by bit. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define SOURCES 32

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
sleep:
    LOAD    r0, served
    cmp     r0, #SOURCES
    bhs     done
    wfi
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    ldr     r1, =waits
    ldr     r1, [r1]
    mov     r2, #31
#ifdef FIXED
    clz     r3, r1
    sub     r2, r2, r3
#else
look:
    lsls    r1, r1, #1                  // the highest bit goes to the carry
    bcs     found
    subs    r2, r2, #1
    bpl     look
#endif
found:
    ldr     r3, =counts
    ldr     r1, [r3, r2, lsl #2]
    add     r1, r1, #1
    str     r1, [r3, r2, lsl #2]
    INCREMENT served
    GIC_EOI r0
    IRQ_LEAVE

    VAR     waits
    VAR     served
    VAR     counts, 4*SOURCES
