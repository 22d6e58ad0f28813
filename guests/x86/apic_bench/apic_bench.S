/*
 * Round trips of interrupts a CPU sends to itself, and nothing else, to be timed from outside: the guest writes ICR,
 * the handler writes EOI and returns.
 */
#include "x86/guest.h"

#define ROUNDS  200000
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    movl    $LAPIC, %edx
    xorl    %esi, %esi                  # interrupts taken
    sti
round:
    leal    1(%esi), %edi
    movl    $(ICR_SELF|ICR_FIXED|VECTOR), LAPIC_ICR_LOW(%edx)
taken:
    cmpl    %edi, %esi
    jb      taken
    cmpl    $ROUNDS, %esi
    jb      round
    cli
    CHECK_EQ %esi, $ROUNDS, "every message was one interrupt"
    PRINT_DEC %esi
    PRINT   " round trips\n"
    POWER_OFF

handler:
    incl    %esi
    movl    $0, LAPIC_EOI(%edx)
    iret
