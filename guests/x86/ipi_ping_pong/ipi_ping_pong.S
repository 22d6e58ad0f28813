/*
 * Two CPUs play ping-pong with interprocessor interrupts (SDM 3A 11.6): the first serves PING to the second's id, which
 * answers with PONG to the first's.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define ROUNDS  100
#define PING    0x41
#define PONG    0x42

    GUEST_PROTECTED32
    IDT_GATE PING, ping
    IDT_GATE PONG, pong
    SMP_START second, 1

serve:
    movl    pongs, %ebx
    SEND_IPI 1, ICR_FIXED|PING
returned:
    sti
    hlt
    cli
    cmpl    %ebx, pongs
    je      returned
    cmpl    $ROUNDS, pongs
    jb      serve
    CHECK_EQ pings, $ROUNDS, "every ball is received once"
    CHECK_EQ pongs, $ROUNDS, "and comes back once"
    CHECK_EQ pinged, $1, "the CPU it was sent to has taken it"
    CHECK_EQ ponged, $0, "and this one the answer"
    POWER_OFF

second:
    sti
    hlt
    jmp     second

ping:
    pushl   %eax
    MY_NUMBER
    orl     %eax, pinged
    incl    pings
    LAPIC_EOI_NOW
    SEND_IPI 0, ICR_FIXED|PONG
    popl    %eax
    iret

pong:
    pushl   %eax
    MY_NUMBER
    orl     %eax, ponged
    incl    pongs
    LAPIC_EOI_NOW
    popl    %eax
    iret

    VAR     pings
    VAR     pongs
    VAR     pinged
    VAR     ponged
