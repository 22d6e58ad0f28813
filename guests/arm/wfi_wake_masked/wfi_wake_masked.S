/*
 * WFI (DDI0406 B1.8.14): a pending interrupt ends the wait whatever CPSR.I says. Masked, no handler runs and the next
 * instruction is what follows the WFI; so a wait under the mask loses nothing between test and sleep.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define WAIT    6250                    /* timer ticks: 100 us */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    mov     r4, #0                      // interrupts taken

    SYS_READ64 r6, r9, CNTVCT
    TIMER_AFTER WAIT
asleep:
    wfi                                 // may wake for no reason, so ask
    SYS_READ r0, ISR
    tst     r0, #ISR_I
    beq     asleep
    isb
    SYS_READ64 r7, r9, CNTVCT
    CHECK_EQ r4, 0, "masked, WFI wakes and no handler runs"
    sub     r7, r7, r6
    MOV32   r6, WAIT
    cmp     r7, r6
    CHECK_IF hs, "the wait lasted until the timer was due"
    CHECK_PENDING TIMER_IRQ, 1, "what woke it is still pending"
    wfi
    CHECK_EQ r4, 0, "WFI with an interrupt pending does not wait"

    cpsie   i
unmasked:
    cpsid   i
    CHECK_EQ r4, 1, "the handler runs at the unmask"
    CHECK_EQ r5, unmasked, "from the instruction after it"
    SYS_READ r0, ISR
    CHECK_EQ r0, 0, "ISR shows that nothing is left"
    POWER_OFF

handler:
    sub     r5, lr, #4
    IRQ_ENTER
    GIC_ACK r0
    TIMER_OFF
    add     r4, r4, #1
    GIC_EOI r0
    IRQ_LEAVE
