/* A handler that lets interrupts in relies on its own being active: once it is ended, the low one comes, too. */
#include "arm/guest.h"
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
    LOAD    r0, count
    cmp     r0, #3
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   if
    isb
    cpsid   if
    b       sleep
done:
    CHECK_ORDER "middle high /high /middle low /low", "the high one comes within the middle one, the low one behind it"
    POWER_OFF

irq:
    IRQ_ENTER
    GIC_ACK r0, 1
    cmp     r0, #LOW
    beq     low
middle:
    NOTE    "middle"
    cpsie   if                          // what is of a higher priority need not wait
#ifndef FIXED
    GIC_EOI r0, 1
#endif
    mov     r2, #WORK
work:
    subs    r2, r2, #1
    bne     work
    cpsid   if
    NOTE    "/middle"
    INCREMENT count
#ifdef FIXED
    GIC_EOI r0, 1
#endif
    b       leave
low:
    NOTE    "low"
    INCREMENT count
    NOTE    "/low"
    GIC_EOI r0, 1
leave:
    IRQ_LEAVE

fiq:
    IRQ_ENTER
    GIC_ACK r0
    NOTE    "high"
    INCREMENT count
    NOTE    "/high"
    GIC_EOI r0
    IRQ_LEAVE

    VAR     count
