/*
 * An IRQ that arrives around SVC (DDI0487 D1.10, D1.13): before it, the IRQ goes first and returns to the SVC; once
 * the SVC is taken PSTATE.I is set, so the IRQ waits until the handler returns or unmasks it. There is nothing in
 * between, which the last part shows with a timer that fires a little later each time.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define SWEEP   64                      /* timer ticks */

    GUEST   sync=svc_handler, irq=irq_handler
    GIC_INIT
    GIC_ENABLE SPI(8)
    GIC_ENABLE TIMER_IRQ
    mov     x20, #0                     // what the SVC handler calls while it runs, if anything

    GIC_PEND SPI(8)
    wfi
    msr     daifclr, #DAIF_I
first:
    svc     #1
    CHECK_ORDER "irq /irq svc /svc", "pending and unmasked before SVC: the IRQ goes first"
    CHECK_EQ x21, first, "it returns to the SVC"
    CHECK_EQ x22, (first+4), "the SVC then returns to what follows it"
    CHECK_EQ x23, (EC_SVC64<<ESR_EC_SHIFT|1<<25|1), "ESR: SVC from AArch64, its immediate"

    msr     daifset, #DAIF_I
    GIC_PEND SPI(8)
    wfi
    svc     #2
    CHECK_ORDER "svc /svc", "masked: the SVC is taken, the IRQ is not, and ERET keeps it so"
    msr     daifclr, #DAIF_I
    nop
    CHECK_ORDER "irq /irq", "it comes when unmasked"

    ldr     x20, =pend
    svc     #3
after:
    mov     x20, #0
    CHECK_ORDER "svc /svc irq /irq", "pending within the handler: the IRQ comes when it returns"
    CHECK_EQ x21, after, "before anything else is done there"

    ldr     x20, =pend_and_unmask
    svc     #4
    mov     x20, #0
    CHECK_ORDER "svc irq /irq /svc", "a handler that unmasks lets it in"
    CHECK_EQ x21, unmasked, "right there"

    msr     daifset, #DAIF_I
    mov     x24, #1                     // ticks to wait
    mov     x25, #0                     // interrupts within the handler
sweep:
    NEW_LOG
    mov     x26, #0                     // interrupts of this round
    msr     cntv_tval_el0, x24
    mov     x0, #CNT_ENABLE
    msr     daifclr, #DAIF_I
    msr     cntv_ctl_el0, x0
    isb
    .rept   8
    nop
    .endr
    svc     #5
    .rept   8
    nop
    .endr
taken:
    cbz     x26, taken
    msr     daifset, #DAIF_I
    ldr     x0, =svc_handler
    ldr     x1, =svc_handler_end
    sub     x2, x21, x0
    sub     x1, x1, x0
    cmp     x2, x1
    cinc    x25, x25, lo
    add     x24, x24, #1
    cmp     x24, #SWEEP
    b.ls    sweep
    CHECK_EQ x25, 0, "whenever the timer fires, the IRQ does not interrupt the masked handler"
    POWER_OFF

svc_handler:
    PUSH    x0, x1
    PUSH    x29, x30
    mrs     x22, elr_el1
    mrs     x23, spsr_el1
    PUSH    x22, x23
    NOTE    "svc"
    cbz     x20, nothing_to_do
    blr     x20
nothing_to_do:
    NOTE    "/svc"
    POP     x22, x23
    msr     elr_el1, x22
    msr     spsr_el1, x23
    mrs     x23, esr_el1
    POP     x29, x30
    POP     x0, x1
    eret
svc_handler_end:

pend:
    GIC_PEND SPI(8)
    ret

pend_and_unmask:
    GIC_PEND SPI(8)
    wfi
    msr     daifclr, #DAIF_I
unmasked:
    msr     daifset, #DAIF_I
    ret

irq_handler:
    mrs     x21, elr_el1
    IRQ_ENTER
    NOTE    "irq"
    GIC_ACK x0
    SYS_SET 0, CNTV_CTL
    add     x26, x26, #1
    GIC_EOI x0
    NOTE    "/irq"
    IRQ_LEAVE
