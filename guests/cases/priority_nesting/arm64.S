/* A handler that lets interrupts in relies on its own being active: once it is ended, the low one comes, too. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define HIGH    SPI(3)                  /* group 0: a FIQ */
#define MIDDLE  SPI(5)
#define LOW     SPI(6)
#define WORK    100                     /* rounds of the middle handler's work */

    GUEST   irq=irq, fiq=fiq
    GIC_INIT
    GIC_FIQ_ON
    GIC_GROUP1 MIDDLE
    GIC_GROUP1 LOW
    GIC_PRIORITY HIGH, 0x40
    GIC_PRIORITY MIDDLE, 0x80
    GIC_PRIORITY LOW, 0xA0
    GIC_ENABLE HIGH
    GIC_ENABLE MIDDLE
    GIC_ENABLE LOW
sleep:
    LOAD    x0, count
    cmp     w0, #3
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #(DAIF_I|DAIF_F)
    isb
    msr     daifset, #(DAIF_I|DAIF_F)
    b       sleep
done:
    CHECK_ORDER "middle high /high /middle low /low", "the high one comes within the middle one, the low one behind it"
    POWER_OFF

irq:
    IRQ_ENTER
    GIC_ACK x0, 1
    cmp     x0, #LOW
    b.eq    low
middle:
    NOTE    "middle"
    msr     daifclr, #(DAIF_I|DAIF_F)   // what is of a higher priority need not wait
#ifndef FIXED
    GIC_EOI x0, 1
#endif
    mov     w2, #WORK
work:
    subs    w2, w2, #1
    b.ne    work
    msr     daifset, #(DAIF_I|DAIF_F)
    NOTE    "/middle"
    INCREMENT count
#ifdef FIXED
    GIC_EOI x0, 1
#endif
    b       leave
low:
    NOTE    "low"
    INCREMENT count
    NOTE    "/low"
    GIC_EOI x0, 1
leave:
    IRQ_LEAVE

fiq:
    IRQ_ENTER
    GIC_ACK x0
    NOTE    "high"
    INCREMENT count
    NOTE    "/high"
    GIC_EOI x0
    IRQ_LEAVE

    VAR     count
