/*
 * Round trips of interrupts between two CPUs, to be timed from outside: the first sends, the second wakes from HLT and
 * answers from its handler, and the first waits for it as kernels do, with PAUSE.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define ROUNDS  50000
#define ASK     0x41
#define ANSWER  0x42

    GUEST_PROTECTED32
    IDT_GATE ASK, ask
    IDT_GATE ANSWER, answer
    SMP_START second, 1
    LAPIC_WRITE LAPIC_ICR_HIGH, $(1<<24)
    movl    $LAPIC, %edx
    xorl    %esi, %esi                  # answers taken
    sti
round:
    leal    1(%esi), %edi
    movl    $(ICR_FIXED|ASK), LAPIC_ICR_LOW(%edx)
answered:
    pause
    cmpl    %edi, %esi
    jb      answered
    cmpl    $ROUNDS, %esi
    jb      round
    cli
    CHECK_EQ %esi, $ROUNDS, "every answer was one interrupt"
    CHECK_EQ asked, $ROUNDS, "and so was what it answers"
    PRINT_DEC %esi
    PRINT   " round trips\n"
    POWER_OFF

answer:
    incl    %esi
    movl    $0, LAPIC_EOI(%edx)
    iret

second:                                 # ICR's upper half names the first CPU since reset
    movl    $LAPIC, %edx
asleep:
    sti
    hlt
    jmp     asleep

ask:
    incl    asked
    movl    $0, LAPIC_EOI(%edx)
    movl    $(ICR_FIXED|ANSWER), LAPIC_ICR_LOW(%edx)
    iret

    VAR     asked
