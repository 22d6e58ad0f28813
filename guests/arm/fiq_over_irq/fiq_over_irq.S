/*
 * FIQ and IRQ (IHI0048 4.4.1 FIQEn, DDI0406 B1.8): group 0 is signalled as FIQ, group 1 as IRQ. The controller signals
 * whichever is of the highest priority. An IRQ masks only itself, so a FIQ interrupts its handler; a FIQ masks both,
 * and has R8 to R14 of its own.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define IRQ     SPI(8)
#define FIQ     SPI(9)
#define NOT_FOR_GROUP0 1022

    GUEST   irq=irq_handler, fiq=fiq_handler
    GIC_INIT
    GIC_FIQ_ON
    GIC_ENABLE IRQ
    GIC_ENABLE FIQ
    GIC_GROUP1 IRQ
    GIC_PRIORITY IRQ, 0x80
    GIC_PRIORITY FIQ, 0x40
    MOV32   r4, return                  // what the IRQ handler calls
    mov     r8, #0x88

    GIC_PEND IRQ
    GIC_PEND FIQ
    bl      window
    CHECK_ORDER "fiq /fiq irq /irq", "both pending: the FIQ first, then the IRQ"
    CHECK_EQ r5, (PSR_I|PSR_F), "a FIQ masks both"
    CHECK_EQ r6, PSR_I, "an IRQ masks only IRQ"
    CHECK_EQ r8, 0x88, "what the FIQ handler did to R8 is not seen here"

    MOV32   r4, pend_fiq
    GIC_PEND IRQ
    bl      window
    CHECK_ORDER "irq fiq /fiq /irq", "a FIQ interrupts the IRQ handler"

    MOV32   r4, return
    GIC_PRIORITY FIQ, 0xC0
    GIC_PEND IRQ
    GIC_PEND FIQ
    bl      window
    CHECK_ORDER "irq /irq fiq /fiq", "an IRQ of higher priority is signalled before a FIQ"

    GIC_PEND FIQ
    wfi
    cpsie   i
    nop
    CHECK_SILENCE "a group 0 interrupt is no IRQ"
    GIC_ACK r0, group=1
    CHECK_EQ r0, SPURIOUS, "group 1's acknowledge does not take it"
    cpsie   f
    nop
    CHECK_ORDER "fiq /fiq", "unmasking FIQ takes it"

    cpsid   if
    GIC_PEND IRQ
    GIC_ACK r0, group=0
    CHECK_EQ r0, NOT_FOR_GROUP0, "nor does group 0's acknowledge take one of group 1: 1022"
    cpsie   i
    nop
    CHECK_ORDER "irq /irq", "which comes as IRQ"
    POWER_OFF

window:
    wfi
    cpsie   if
    nop
    nop
    cpsid   if
return:
    bx      lr

pend_fiq:
    GIC_PEND FIQ
    nop
    bx      lr

irq_handler:
    mrs     r6, cpsr
    and     r6, r6, #(PSR_I|PSR_F)
    IRQ_ENTER
    NOTE    "irq"
    GIC_ACK r0, group=1
    blx     r4
    NOTE    "/irq"
    GIC_EOI r0, group=1
    IRQ_LEAVE

fiq_handler:
    mov     r8, #0xF1
    mrs     r5, cpsr
    and     r5, r5, #(PSR_I|PSR_F)
    IRQ_ENTER
    NOTE    "fiq"
    GIC_ACK r0, group=0
    GIC_EOI r0, group=0
    NOTE    "/fiq"
    IRQ_LEAVE
