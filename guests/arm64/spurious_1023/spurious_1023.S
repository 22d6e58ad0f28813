/*
 * INTID 1023 (IHI0048 3.2.5, 4.4.4): what an acknowledge returns when nothing is left to take. It activates nothing,
 * and takes no end of interrupt.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    GIC_ENABLE SPI(8)
    GIC_ENABLE SPI(9)
    GIC_PRIORITY SPI(8), 0x80
    GIC_PRIORITY SPI(9), 0x80
    GIC_ACK x0
    CHECK_EQ x0, SPURIOUS, "nothing pending: 1023"
    GIC_RUNNING x0
    CHECK_EQ x0, 0xFF, "it activates nothing"

    mov     x19, #0                     // interrupts taken, the INTID of the last
    TIMER_AFTER 0
    wfi
    msr     daifclr, #DAIF_I
    nop
    msr     daifset, #DAIF_I
    CHECK_EQ x19, 1, "a level brings the CPU into the handler"
    CHECK_EQ x20, SPURIOUS, "gone before the acknowledge, it reads 1023"
    CHECK_ACTIVE TIMER_IRQ, 0, "and is not active"

    GIC_PEND SPI(8)
    GIC_PRIORITY_MASK 0x80
    GIC_ACK x0
    CHECK_EQ x0, SPURIOUS, "a priority equal to the mask does not get through"
    GIC_PRIORITY_MASK 0xF0
    GIC_DISABLE SPI(8)
    GIC_ACK x0
    CHECK_EQ x0, SPURIOUS, "nor does one that is disabled"
    CHECK_PENDING SPI(8), 1, "it stays pending"
    GIC_ENABLE SPI(8)

    GIC_ACK x0
    CHECK_EQ x0, SPI(8), "unmasked and enabled, it is acknowledged"
    GIC_PEND SPI(9)
    GIC_ACK x1
    CHECK_EQ x1, SPURIOUS, "one of its priority waits while it is active"
    GIC_EOI x1
    GIC_RUNNING x1
    CHECK_EQ x1, 0x80, "an end of interrupt of 1023 ends nothing"
    GIC_EOI x0
    GIC_ACK x0
    CHECK_EQ x0, SPI(9), "the real one lets the other through"
    GIC_EOI x0
    POWER_OFF

handler:
    IRQ_ENTER
    TIMER_OFF                           // the line drops before the acknowledge
    GIC_ACK x0
    mov     x20, x0
    add     x19, x19, #1
    IRQ_LEAVE
