/* Who waits for an IRQ with IRQs masked waits for ever; a FIQ finds him. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define DEVICE   SPI(5)
#define CLOCK    SPI(6)
#define WATCHDOG SPI(7)                 /* group 0: a FIQ */

    GUEST   irq=handler, fiq=watchdog
    GIC_INIT
    GIC_FIQ_ON
    GIC_GROUP1 DEVICE
    GIC_GROUP1 CLOCK
    GIC_PRIORITY DEVICE, 0x80
    GIC_PRIORITY CLOCK, 0x80
    GIC_PRIORITY WATCHDOG, 0x40
    GIC_ENABLE DEVICE
    GIC_ENABLE CLOCK
    GIC_ENABLE WATCHDOG
    msr     daifclr, #(DAIF_I|DAIF_F)
until_awake:
    LOAD    x0, heartbeat
    cmp     w0, #2
    b.lo    until_awake

    msr     daifset, #DAIF_I            // the handler counts requests, too
    INCREMENT requests
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
wait:
    LOAD    x0, answers
    cbz     w0, wait
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0, 1
    cmp     x0, #CLOCK
    b.eq    tick
answered:
    LOAD    x1, requests
    sub     w1, w1, #1
    STORE_REG requests, x1
    INCREMENT answers
    b       leave
tick:
    INCREMENT heartbeat
leave:
    GIC_EOI x0, 1
    IRQ_LEAVE

watchdog:
    mrs     x20, elr_el1
    PRINT   "no heartbeat; found at 0x"
    PRINT_HEX x20
    PRINT   "\n"
    EXIT    1

    VAR     requests
    VAR     answers
    VAR     heartbeat
