/* A handler ends its interrupt and lets others in before it is done: then it is entered again, over its own data. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define CONVERTER SPI(5)
#define SAMPLES 3
#define SUM     6                       /* of 1, 2 and 3 */
#define WORK    300                     /* rounds of work on a sample: longer than the next one takes to come */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE CONVERTER
sleep:
    LOAD    r0, count
    cmp     r0, #SAMPLES
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    CHECK_AT sum, SUM, "each sample is in the sum once"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    LOAD    r1, sample
    STORE_REG current, r1
#ifndef FIXED
    GIC_EOI r0
#endif
    cpsie   i                           // what is more urgent need not wait
    mov     r2, #WORK
work:
    subs    r2, r2, #1
    bne     work
    LOAD    r1, current
    LOAD    r2, sum
    add     r2, r2, r1
    STORE_REG sum, r2
    cpsid   i
    INCREMENT count
#ifdef FIXED
    GIC_EOI r0
#endif
    IRQ_LEAVE

    VAR     sample
    VAR     current
    VAR     sum
    VAR     count
