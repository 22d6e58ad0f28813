/*
 * EOImode 1 (IHI0048 3.2.1): EOIR drops the running priority, DIR deactivates. In between others of any priority
 * come through, but not the same interrupt again: a handler may finish its work with interrupts open.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

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
    GIC_ACK x0
    CHECK_EQ x0, SLOW, "it is acknowledged"
    GIC_PEND OTHER
    GIC_ACK x1
    CHECK_EQ x1, SPURIOUS, "one of lower priority waits"

    GIC_EOI x0
    GIC_RUNNING x1
    CHECK_EQ x1, 0xFF, "EOIR drops the running priority"
    CHECK_ACTIVE SLOW, 1, "and leaves it active"
    GIC_PEND SLOW
    CHECK_PENDING SLOW, 1, "it may be pending again: active and pending"
    GIC_ACK x1
    CHECK_EQ x1, OTHER, "the lower one comes, not the one still active"
    GIC_EOI x1
    GIC_DIR x1
    GIC_ACK x1
    CHECK_EQ x1, SPURIOUS, "that one still waits"

    GIC_DIR x0
    CHECK_ACTIVE SLOW, 0, "DIR deactivates"
    GIC_ACK x0
    CHECK_EQ x0, SLOW, "and it comes again"
    GIC_EOI x0
    GIC_DIR x0
    CHECK_ACTIVE SLOW, 0, "at the end it is inactive"
    CHECK_PENDING SLOW, 0, "and not pending"
    POWER_OFF
