/*
 * A periodic tick from the virtual timer (DDI0487 D11.2). Each tick moves CNTV_CVAL on by one period, so that the time
 * the handler takes does not add up; that also takes the level away, for the condition is CNTVCT >= CNTV_CVAL.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define TICKS   5
#define PERIOD  (CNTFRQ_HZ/1000)

    GUEST   irq=tick
    mrs     x0, cntfrq_el0
    CHECK_EQ x0, CNTFRQ_HZ, "CNTFRQ is what firmware left there"
    GIC_INIT
    GIC_ENABLE TIMER_IRQ

    ldr     x21, =PERIOD
    isb
    mrs     x19, cntvct_el0
    add     x20, x19, x21
    msr     cntv_cval_el0, x20
    SYS_SET CNT_ENABLE, CNTV_CTL
    mov     x22, #0                     // the handler's: ticks, and those that came early
    mov     x23, #0
wait:
    wfi
    msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
    cmp     x22, #TICKS
    b.lo    wait
    CHECK_EQ x22, TICKS, "every period has its tick"
    CHECK_EQ x23, 0, "none came before its compare value"
    mov     x0, #(TICKS + 1)
    madd    x0, x0, x21, x19
    cmp     x0, x20
    CHECK_IF eq, "CNTV_CVAL has moved by whole periods"

    msr     cntv_cval_el0, x19          // long ago
    SYS_SET (CNT_ENABLE|CNT_IMASK), CNTV_CTL
    isb
    mrs     x0, cntv_ctl_el0
    CHECK_EQ x0, (CNT_ENABLE|CNT_IMASK|CNT_ISTATUS), "ISTATUS does not ask IMASK"
    CHECK_PENDING TIMER_IRQ, 0, "IMASK keeps the line down"
    SYS_SET CNT_ENABLE, CNTV_CTL
    isb
    CHECK_PENDING TIMER_IRQ, 1, "without it the line is up"
    TIMER_AFTER PERIOD
    CHECK_PENDING TIMER_IRQ, 0, "a compare value ahead takes the line down again"
    mrs     x0, cntv_tval_el0
    cmp     x0, x21
    CHECK_IF ls, "CNTV_TVAL counts down"
    POWER_OFF

tick:
    IRQ_ENTER
    GIC_ACK x0
    isb                                 // the counter is not read ahead of time
    mrs     x1, cntvct_el0
    cmp     x1, x20
    cinc    x23, x23, lo
    add     x20, x20, x21
    msr     cntv_cval_el0, x20
    isb
    add     x22, x22, #1
    cmp     x22, #TICKS
    b.ne    more
    TIMER_OFF
more:
    GIC_EOI x0
    IRQ_LEAVE
