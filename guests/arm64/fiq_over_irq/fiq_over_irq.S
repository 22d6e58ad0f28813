/*
 * FIQ and IRQ (IHI0069 4.6.2, DDI0487 D1.13): group 0 is signalled as FIQ, group 1 as IRQ. The controller signals
 * whichever is of the highest priority; taking either masks both in PSTATE, so a FIQ waits for a handler to let it in.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define IRQ     SPI(8)
#define FIQ     SPI(9)

    GUEST   irq=irq_handler, fiq=fiq_handler
    GIC_INIT
    GIC_ENABLE IRQ
    GIC_ENABLE FIQ
    GIC_GROUP0 FIQ
    GIC_PRIORITY IRQ, 0x80
    GIC_PRIORITY FIQ, 0x40
    ldr     x19, =return                // what the IRQ handler calls

    GIC_PEND IRQ
    GIC_PEND FIQ
    bl      window
    CHECK_ORDER "fiq /fiq irq /irq", "both pending: the FIQ first, then the IRQ"
    CHECK_EQ x20, PSTATE_DAIF, "a FIQ masks all of DAIF"

    ldr     x19, =pend_fiq
    GIC_PEND IRQ
    bl      window
    CHECK_ORDER "irq /irq fiq /fiq", "an IRQ masks FIQ too: it waits for the IRQ handler's end"
    CHECK_EQ x21, PSTATE_DAIF, "an IRQ masks all of DAIF"

    ldr     x19, =pend_fiq_and_unmask
    GIC_PEND IRQ
    bl      window
    CHECK_ORDER "irq fiq /fiq /irq", "or until the handler unmasks it"

    ldr     x19, =return
    GIC_PRIORITY FIQ, 0xC0
    GIC_PEND IRQ
    GIC_PEND FIQ
    bl      window
    CHECK_ORDER "irq /irq fiq /fiq", "an IRQ of higher priority is signalled before a FIQ"

    GIC_PEND FIQ
    wfi
    msr     daifclr, #DAIF_I
    nop
    CHECK_SILENCE "a group 0 interrupt is no IRQ"
    GIC_HIGHEST x0
    CHECK_EQ x0, SPURIOUS, "group 1's registers do not show it"
    msr     daifclr, #DAIF_F
    nop
    CHECK_ORDER "fiq /fiq", "unmasking FIQ takes it"
    POWER_OFF

window:
    wfi
    msr     daifclr, #(DAIF_I|DAIF_F)
    nop
    msr     daifset, #(DAIF_I|DAIF_F)
return:
    ret

pend_fiq:
    GIC_PEND FIQ
    ret

pend_fiq_and_unmask:
    GIC_PEND FIQ
    wfi
    msr     daifclr, #DAIF_F
    nop
    msr     daifset, #DAIF_F
    ret

irq_handler:
    IRQ_ENTER
    mrs     x21, daif
    NOTE    "irq"
    GIC_ACK x0
    blr     x19
    GIC_EOI x0
    NOTE    "/irq"
    IRQ_LEAVE

fiq_handler:
    IRQ_ENTER
    mrs     x20, daif
    NOTE    "fiq"
    GIC_ACK x0, group=0
    GIC_EOI x0, group=0
    NOTE    "/fiq"
    IRQ_LEAVE
