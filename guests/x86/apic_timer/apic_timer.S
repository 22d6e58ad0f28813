/*
 * The local APIC's timer (SDM 3A 11.5.4): writing the initial count starts it, the current count runs down at the bus
 * clock over the divisor. One-shot stays at 0, periodic starts over; an initial count of 0 stops either.
 */
#include "x86/guest.h"
#include "x86/sleep.inc"

#define TIMER   0x41
#define COUNT   100000

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE TIMER, handler

    LAPIC_WRITE LAPIC_DIVIDE, $DIVIDE_1
    LAPIC_WRITE LAPIC_LVT_TIMER, $TIMER
    LAPIC_WRITE LAPIC_INITIAL, $COUNT
    movl    $1, %ebx
    call    wait
    CHECK_EQ taken, $1, "one-shot: it comes"
    CHECK_EQ in_service, $BIT(TIMER), "as the vector of its LVT entry"
    CHECK_EQ LAPIC+LAPIC_CURRENT, $0, "the count stays at 0"
    CHECK_EQ LAPIC+LAPIC_INITIAL, $COUNT, "the initial count is kept"
    SLEEP   2000
    CHECK_EQ taken, $1, "it does not come again"

    LAPIC_WRITE LAPIC_LVT_TIMER, $(LVT_PERIODIC|TIMER)
    LAPIC_WRITE LAPIC_INITIAL, $COUNT
    movl    $4, %ebx
    call    wait
    CHECK_EQ taken, $4, "periodic: it comes again and again"
    LAPIC_WRITE LAPIC_INITIAL, $0
    call    window
    movl    taken, %ebx
    CHECK_EQ LAPIC+LAPIC_CURRENT, $0, "an initial count of 0 stops it"
    SLEEP   2000
    CHECK_EQ taken, %ebx, "and nothing comes any more"

    LAPIC_WRITE LAPIC_INITIAL, $COUNT
until_waiting:
    testl   $BIT(TIMER), IRR(TIMER)
    jz      until_waiting
    call    start_over
    call    start_over
    LAPIC_WRITE LAPIC_INITIAL, $0
    call    window
    incl    %ebx
    CHECK_EQ taken, %ebx, "expiries while it waits for IF are one interrupt"

    LAPIC_WRITE LAPIC_LVT_TIMER, $(LVT_MASKED|TIMER)
    LAPIC_WRITE LAPIC_INITIAL, $COUNT
    SLEEP   2000
    CHECK_EQ LAPIC+LAPIC_CURRENT, $0, "masked, it counts all the same"
    LAPIC_WRITE LAPIC_LVT_TIMER, $TIMER
    call    window
    CHECK_EQ taken, %ebx, "an expiry under the mask is lost"

    LAPIC_WRITE LAPIC_LVT_TIMER, $(LVT_MASKED|TIMER)
    call    run_down
    movl    %eax, %esi
    LAPIC_WRITE LAPIC_DIVIDE, $DIVIDE_16
    call    run_down
    cmpl    %eax, %esi
    CHECK_IF a, "a larger divisor counts more slowly"
    POWER_OFF

/* Sleep until EBX interrupts in all have been taken. */
wait:
    sti
    hlt
    cli
    cmpl    %ebx, taken
    jb      wait
    ret

/* Let in what waits. */
window:
    sti
    nop
    nop
    cli
    ret

/* Until the count has jumped up. */
start_over:
    LAPIC_READ LAPIC_CURRENT
    movl    %eax, %ecx
    LAPIC_READ LAPIC_CURRENT
    cmpl    %ecx, %eax
    jbe     start_over
    ret

/* EAX = what the timer counts in 2 ms. */
run_down:
    LAPIC_WRITE LAPIC_INITIAL, $-1
    SLEEP   2000
    LAPIC_READ LAPIC_CURRENT
    notl    %eax
    ret

handler:
    incl    taken
    pushl   %eax
    movl    ISR(TIMER), %eax
    movl    %eax, in_service
    LAPIC_EOI_NOW
    popl    %eax
    iret

    VAR     taken
    VAR     in_service
