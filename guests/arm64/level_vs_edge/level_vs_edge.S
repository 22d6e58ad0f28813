/*
 * Level and edge (IHI0048 3.2.4, 4.3.7, 4.3.8): a level sensitive interrupt is pending for as long as its line is
 * high, an edge triggered one from the edge until it is acknowledged. Pending outlives a disable, and a latch can be
 * cleared where a line cannot.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    mov     x19, #0                     // interrupts taken
    mov     x20, #0                     // the handler lowers the line when this many are taken
    GIC_EDGE SPI(5)
    GIC_ENABLE SPI(5)

    RAISE   5
    bl      window
    CHECK_EQ x19, 1, "edge: a line that stays high is one interrupt"
    RAISE   5
    bl      window
    CHECK_EQ x19, 1, "edge: raising a line that is high is no edge"
    LOWER   5
    RAISE   5
    LOWER   5
    RAISE   5
    LOWER   5
    bl      window
    CHECK_EQ x19, 2, "edge: two edges before the acknowledge are one interrupt"
    GIC_DISABLE SPI(5)
    RAISE   5
    LOWER   5
    CHECK_PENDING SPI(5), 1, "edge: it is latched while disabled"
    GIC_ENABLE SPI(5)
    bl      window
    CHECK_EQ x19, 3, "edge: and comes when enabled, the line long low"
    RAISE   5
    GIC_UNPEND SPI(5)
    CHECK_PENDING SPI(5), 0, "edge: ICPENDR clears the latch, high as the line is"
    LOWER   5

    GIC_DISABLE SPI(5)
    GIC_LEVEL SPI(5)
    GIC_ENABLE SPI(5)
    mov     x19, #0
    mov     x20, #3
    RAISE   5
    bl      window
    CHECK_EQ x19, 3, "level: it comes again after each end of interrupt until the line is low"
    bl      window
    CHECK_EQ x19, 3, "level: a low line requests nothing"
    GIC_DISABLE SPI(5)
    RAISE   5
    CHECK_PENDING SPI(5), 1, "level: pending follows the line up, disabled or not"
    GIC_UNPEND SPI(5)
    CHECK_PENDING SPI(5), 1, "level: ICPENDR cannot clear a line that is high"
    LOWER   5
    CHECK_PENDING SPI(5), 0, "level: pending follows the line down"
    GIC_ENABLE SPI(5)
    bl      window
    CHECK_EQ x19, 3, "level: what is over before it is enabled never comes"
    GIC_PEND SPI(5)
    bl      window
    CHECK_EQ x19, 4, "level: ISPENDR pends it once, the line low"
    POWER_OFF

/* Let in what waits, for long enough that it could come again. */
window:
    msr     daifclr, #DAIF_I
    .rept   4
    nop
    .endr
    msr     daifset, #DAIF_I
    ret

handler:
    IRQ_ENTER
    GIC_ACK x0
    add     x19, x19, #1
    cmp     x19, x20
    b.ne    high
    LOWER   5
high:
    GIC_EOI x0
    IRQ_LEAVE
