/* A handler ends its interrupt and lets others in before it is done: then it is entered again, over its own data. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define CONVERTER SPI(5)
#define SAMPLES 3
#define SUM     6                       /* of 1, 2 and 3 */
#define WORK    300                     /* rounds of work on a sample: longer than the next one takes to come */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE CONVERTER
sleep:
    LOAD    x0, count
    cmp     w0, #SAMPLES
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
done:
    CHECK_AT sum, SUM, "each sample is in the sum once"
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    LOAD    x1, sample
    STORE_REG current, x1
#ifndef FIXED
    GIC_EOI x0
#endif
    msr     daifclr, #DAIF_I            // what is more urgent need not wait
    mov     w2, #WORK
work:
    subs    w2, w2, #1
    b.ne    work
    LOAD    x1, current
    LOAD    x2, sum
    add     w2, w2, w1
    STORE_REG sum, x2
    msr     daifset, #DAIF_I
    INCREMENT count
#ifdef FIXED
    GIC_EOI x0
#endif
    IRQ_LEAVE

    VAR     sample
    VAR     current
    VAR     sum
    VAR     count
