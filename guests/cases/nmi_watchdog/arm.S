/* Who waits for an IRQ with IRQs masked waits for ever; a FIQ finds him. */
#include "arm/guest.h"
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
    cpsie   if
until_awake:
    LOAD    r0, heartbeat
    cmp     r0, #2
    blo     until_awake

    cpsid   i                   // the handler counts requests, too
    INCREMENT requests
#ifdef FIXED
    cpsie   i
#endif
wait:
    LOAD    r0, answers
    cmp     r0, #0
    beq     wait
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0, 1
    cmp     r0, #CLOCK
    beq     tick
answered:
    LOAD    r1, requests
    sub     r1, r1, #1
    STORE_REG requests, r1
    INCREMENT answers
    b       leave
tick:
    INCREMENT heartbeat
leave:
    GIC_EOI r0, 1
    IRQ_LEAVE

watchdog:
    sub     r4, lr, #4
    PRINT   "no heartbeat; found at 0x"
    PRINT_HEX r4
    PRINT   "\n"
    EXIT    1

    VAR     requests
    VAR     answers
    VAR     heartbeat
