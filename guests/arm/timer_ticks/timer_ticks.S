/*
 * A periodic tick from the virtual timer (DDI0406 B8.1). Each tick moves CNTV_CVAL on by one period, so that the time
 * the handler takes does not add up; that also takes the level away, for the condition is CNTVCT >= CNTV_CVAL.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define TICKS   5
#define PERIOD  (CNTFRQ_HZ/1000)

    GUEST   irq=tick
    SYS_READ r0, CNTFRQ
    CHECK_EQ r0, CNTFRQ_HZ, "CNTFRQ is what firmware left there"
    GIC_INIT
    GIC_ENABLE TIMER_IRQ

    MOV32   r4, PERIOD
    isb
    SYS_READ64 r10, r11, CNTVCT         // where it starts
    adds    r6, r10, r4                 // the compare value
    adc     r7, r11, #0
    SYS_WRITE64 r6, r7, CNTV_CVAL
    SYS_SET CNT_ENABLE, CNTV_CTL
    mov     r8, #0                      // the handler's: ticks, and those that came early
    mov     r9, #0
wait:
    wfi
    cpsie   i
    cpsid   i
    cmp     r8, #TICKS
    blo     wait
    CHECK_EQ r8, TICKS, "every period has its tick"
    CHECK_EQ r9, 0, "none came before its compare value"
    mov     r0, #(TICKS+1)
    umull   r2, r3, r0, r4
    adds    r2, r2, r10
    adc     r3, r3, r11
    cmp     r2, r6
    cmpeq   r3, r7
    CHECK_IF eq, "CNTV_CVAL has moved by whole periods"

    SYS_WRITE64 r10, r11, CNTV_CVAL     // long ago
    SYS_SET (CNT_ENABLE|CNT_IMASK), CNTV_CTL
    isb
    SYS_READ r0, CNTV_CTL
    CHECK_EQ r0, (CNT_ENABLE|CNT_IMASK|CNT_ISTATUS), "ISTATUS does not ask IMASK"
    CHECK_PENDING TIMER_IRQ, 0, "IMASK keeps the line down"
    SYS_SET CNT_ENABLE, CNTV_CTL
    isb
    CHECK_PENDING TIMER_IRQ, 1, "without it the line is up"
    TIMER_AFTER PERIOD
    CHECK_PENDING TIMER_IRQ, 0, "a compare value ahead takes the line down again"
    SYS_READ r0, CNTV_TVAL
    cmp     r0, r4
    CHECK_IF ls, "CNTV_TVAL counts down"
    POWER_OFF

tick:
    IRQ_ENTER
    GIC_ACK r0
    isb                                 // the counter is not read ahead of time
    SYS_READ64 r2, r3, CNTVCT
    cmp     r2, r6
    sbcs    r3, r3, r7
    addlo   r9, r9, #1
    adds    r6, r6, r4
    adc     r7, r7, #0
    SYS_WRITE64 r6, r7, CNTV_CVAL
    isb
    add     r8, r8, #1
    cmp     r8, #TICKS
    bne     more
    TIMER_OFF
more:
    GIC_EOI r0
    IRQ_LEAVE
