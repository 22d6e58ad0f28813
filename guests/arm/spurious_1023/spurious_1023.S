/*
 * INTID 1023 (IHI0069 2.2.1): what an acknowledge returns when nothing is left to take. It activates nothing,
 * and takes no end of interrupt.
 */
#include "arm/guest.h"
#include "virt/gicv3.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    GIC_ENABLE SPI(8)
    GIC_ENABLE SPI(9)
    GIC_PRIORITY SPI(8), 0x80
    GIC_PRIORITY SPI(9), 0x80
    GIC_ACK r0
    CHECK_EQ r0, SPURIOUS, "nothing pending: 1023"
    GIC_RUNNING r0
    CHECK_EQ r0, 0xFF, "it activates nothing"

    mov     r4, #0                     // interrupts taken, the INTID of the last
    TIMER_AFTER 0
    wfi
    cpsie   i
    nop
    cpsid   i
    CHECK_EQ r4, 1, "a level brings the CPU into the handler"
    CHECK_EQ r5, SPURIOUS, "gone before the acknowledge, it reads 1023"
    CHECK_ACTIVE TIMER_IRQ, 0, "and is not active"

    GIC_PEND SPI(8)
    GIC_PRIORITY_MASK 0x80
    GIC_ACK r0
    CHECK_EQ r0, SPURIOUS, "a priority equal to the mask does not get through"
    GIC_PRIORITY_MASK 0xF0
    GIC_DISABLE SPI(8)
    GIC_ACK r0
    CHECK_EQ r0, SPURIOUS, "nor does one that is disabled"
    CHECK_PENDING SPI(8), 1, "it stays pending"
    GIC_ENABLE SPI(8)

    GIC_ACK r0
    CHECK_EQ r0, SPI(8), "unmasked and enabled, it is acknowledged"
    GIC_PEND SPI(9)
    GIC_ACK r1
    CHECK_EQ r1, SPURIOUS, "one of its priority waits while it is active"
    GIC_EOI r1
    GIC_RUNNING r1
    CHECK_EQ r1, 0x80, "an end of interrupt of 1023 ends nothing"
    GIC_EOI r0
    GIC_ACK r0
    CHECK_EQ r0, SPI(9), "the real one lets the other through"
    GIC_EOI r0
    POWER_OFF

handler:
    IRQ_ENTER
    TIMER_OFF                           // the line drops before the acknowledge
    GIC_ACK r0
    mov     r5, r0
    add     r4, r4, #1
    IRQ_LEAVE
