/*
 * EOImode 1 (IHI0069, ICC_CTLR.EOImode): EOIR drops the running priority, DIR deactivates. In between others of any
 * priority come through, but not the same interrupt again: a handler may finish its work with interrupts open.
 */
#include "arm/guest.h"
#include "virt/gicv3.inc"

#define SLOW    SPI(8)
#define OTHER   SPI(9)

    GUEST
    GIC_INIT
    GIC_SPLIT_EOI
    GIC_EDGE SLOW
    GIC_ENABLE SLOW
    GIC_ENABLE OTHER
    GIC_PRIORITY SLOW, 0x80
    GIC_PRIORITY OTHER, 0xC0

    GIC_PEND SLOW
    GIC_ACK r0
    CHECK_EQ r0, SLOW, "it is acknowledged"
    GIC_PEND OTHER
    GIC_ACK r1
    CHECK_EQ r1, SPURIOUS, "one of lower priority waits"

    GIC_EOI r0
    GIC_RUNNING r1
    CHECK_EQ r1, 0xFF, "EOIR drops the running priority"
    CHECK_ACTIVE SLOW, 1, "and leaves it active"
    GIC_PEND SLOW
    CHECK_PENDING SLOW, 1, "it may be pending again: active and pending"
    GIC_ACK r1
    CHECK_EQ r1, OTHER, "the lower one comes, not the one still active"
    GIC_EOI r1
    GIC_DIR r1
    GIC_ACK r1
    CHECK_EQ r1, SPURIOUS, "that one still waits"

    GIC_DIR r0
    CHECK_ACTIVE SLOW, 0, "DIR deactivates"
    GIC_ACK r0
    CHECK_EQ r0, SLOW, "and it comes again"
    GIC_EOI r0
    GIC_DIR r0
    CHECK_ACTIVE SLOW, 0, "at the end it is inactive"
    CHECK_PENDING SLOW, 0, "and not pending"
    POWER_OFF
