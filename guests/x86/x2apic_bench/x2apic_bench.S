/*
 * Round trips of interrupts a CPU sends to itself in x2APIC mode, to be timed from outside: one WRMSR sends, one ends
 * (SDM 3A 11.12.11, 11.12.1.2).
 */
#include "x86/guest.h"

#define ROUNDS  200000
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    movl    $1, %eax
    cpuid
    testl   $CPUID_X2APIC, %ecx
    CHECK_IF nz, "the CPU has the mode"
    movl    $MSR_APIC_BASE, %ecx
    rdmsr
    orl     $BASE_EXTD, %eax
    wrmsr
    xorl    %edx, %edx
    xorl    %esi, %esi                  # interrupts taken
    sti
round:
    leal    1(%esi), %edi
    movl    $MSR_SELF_IPI, %ecx
    movl    $VECTOR, %eax
    wrmsr
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

handler:                                # the loop it interrupts needs neither EAX nor ECX
    incl    %esi
    movl    $X2APIC(LAPIC_EOI), %ecx
    xorl    %eax, %eax
    wrmsr
    iret
