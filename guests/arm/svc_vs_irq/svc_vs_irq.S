/*
 * An IRQ that arrives around SVC (DDI0406 B1.8): before it, the IRQ goes first and returns to the SVC; once the SVC is
 * taken CPSR.I is set, so the IRQ waits until the handler returns or unmasks it. There is nothing in between, which
 * the last part shows with a timer that fires a little later each time.
 */
#include "arm/guest.h"
#include "virt/gicv3.inc"

#define SWEEP   64                      /* timer ticks */

    GUEST   svc=svc_handler, irq=irq_handler
    GIC_INIT
    GIC_ENABLE SPI(8)
    GIC_ENABLE TIMER_IRQ
    mov     r4, #0                      // what the SVC handler calls while it runs, if anything

    GIC_PEND SPI(8)
    wfi
    cpsie   i
first:
    svc     #1
    CHECK_ORDER "irq /irq svc /svc", "pending and unmasked before SVC: the IRQ goes first"
    CHECK_EQ r5, first, "it returns to the SVC: LR_irq is 4 beyond"
    CHECK_EQ r6, (first+4), "LR_svc is what follows the SVC"
    CHECK_EQ r7, 1, "the instruction before it has the immediate"

    cpsid   i
    GIC_PEND SPI(8)
    wfi
    svc     #2
    CHECK_ORDER "svc /svc", "masked: the SVC is taken, the IRQ is not, and the return keeps it so"
    cpsie   i
    nop
    CHECK_ORDER "irq /irq", "it comes when unmasked"

    MOV32   r4, pend
    svc     #3
after:
    mov     r4, #0
    CHECK_ORDER "svc /svc irq /irq", "pending within the handler: the IRQ comes when it returns"
    CHECK_EQ r5, after, "before anything else is done there"

    MOV32   r4, pend_and_unmask
    svc     #4
    mov     r4, #0
    CHECK_ORDER "svc irq /irq /svc", "a handler that unmasks lets it in"
    CHECK_EQ r5, unmasked, "right there"

    cpsid   i
    mov     r8, #1                      // ticks to wait
    mov     r9, #0                      // interrupts within the handler
sweep:
    NEW_LOG
    mov     r10, #0                     // interrupts of this round
    mov     r0, #CNT_ENABLE
    SYS_WRITE r8, CNTV_TVAL
    cpsie   i
    SYS_WRITE r0, CNTV_CTL
    isb
    .rept   8
    nop
    .endr
    svc     #5
    .rept   8
    nop
    .endr
taken:
    cmp     r10, #0
    beq     taken
    cpsid   i
    MOV32   r0, svc_handler
    sub     r2, r5, r0
    cmp     r2, #(svc_handler_end-svc_handler)
    addlo   r9, r9, #1
    add     r8, r8, #1
    cmp     r8, #SWEEP
    bls     sweep
    CHECK_EQ r9, 0, "whenever the timer fires, the IRQ does not interrupt the masked handler"
    POWER_OFF

svc_handler:
    srsdb   sp!, #MODE_SVC
    push    {r0-r3, r12, lr}
    mov     r6, lr
    ldr     r7, [lr, #-4]
    bic     r7, r7, #0xFF000000
    NOTE    "svc"
    cmp     r4, #0
    blxne   r4
    NOTE    "/svc"
    pop     {r0-r3, r12, lr}
    rfeia   sp!
svc_handler_end:

pend:
    GIC_PEND SPI(8)
    bx      lr

pend_and_unmask:
    GIC_PEND SPI(8)
    wfi
    cpsie   i
unmasked:
    cpsid   i
    bx      lr

irq_handler:
    sub     r5, lr, #4
    IRQ_ENTER
    NOTE    "irq"
    GIC_ACK r0
    SYS_SET 0, CNTV_CTL
    add     r10, r10, #1
    GIC_EOI r0
    NOTE    "/irq"
    IRQ_LEAVE
