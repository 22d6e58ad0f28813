/*
 * WFI (DDI0487 D1.16.2): a pending interrupt ends the wait whatever PSTATE.I says. Masked, no handler runs and the next
 * instruction is what follows the WFI; so a wait under the mask loses nothing between test and sleep.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define WAIT    6250                    /* timer ticks: 100 us */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE TIMER_IRQ
    mov     x19, #0                     // interrupts taken

    mrs     x21, cntvct_el0
    TIMER_AFTER WAIT
asleep:
    wfi                                 // may wake for no reason, so ask
    mrs     x0, isr_el1
    tbz     x0, #7, asleep              // I: an IRQ is pending
    isb
    mrs     x22, cntvct_el0
    CHECK_EQ x19, 0, "masked, WFI wakes and no handler runs"
    sub     x22, x22, x21
    ldr     x21, =WAIT
    cmp     x22, x21
    CHECK_IF hs, "the wait lasted until the timer was due"
    CHECK_PENDING TIMER_IRQ, 1, "what woke it is still pending"
    wfi
    CHECK_EQ x19, 0, "WFI with an interrupt pending does not wait"

    msr     daifclr, #DAIF_I
unmasked:
    msr     daifset, #DAIF_I
    CHECK_EQ x19, 1, "the handler runs at the unmask"
    CHECK_EQ x20, unmasked, "from the instruction after it"

    mrs     x0, isr_el1
    CHECK_EQ x0, 0, "ISR_EL1 shows that nothing is left"
    POWER_OFF

handler:
    mrs     x20, elr_el1
    IRQ_ENTER
    GIC_ACK x0
    TIMER_OFF
    add     x19, x19, #1
    GIC_EOI x0
    IRQ_LEAVE
