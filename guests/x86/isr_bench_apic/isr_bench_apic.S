/*
 * Interrupt round trips through the local APIC and nothing else, to be timed from outside: the guest sends itself an
 * interrupt, the handler ends it and returns.
 */
#include "x86/guest.h"

#define ROUNDS  200000
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    xorl    %esi, %esi                  # interrupts taken
    sti
round:
    leal    1(%esi), %edi
    SEND_SELF VECTOR
taken:
    cmpl    %edi, %esi
    jb      taken
    cmpl    $ROUNDS, %esi
    jb      round
    cli
    CHECK_EQ %esi, $ROUNDS, "every self IPI was one interrupt"
    PRINT_DEC %esi
    PRINT   " round trips\n"
    POWER_OFF

handler:
    incl    %esi
    LAPIC_EOI_NOW
    iret
