/*
 * One CPU counts and all the others, however many, sleep in HLT: what those cost is to be timed from outside.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define ROUNDS  4000000

    GUEST_PROTECTED32
    SMP_WAKE asleep                     # long before its last pause is over, all sleep
    movl    $ROUNDS, %ecx
round:
    addl    %ebx, %eax
    xorl    %eax, %edx
    roll    $1, %eax
    decl    %ecx
    jnz     round
    POWER_OFF

asleep:
    hlt
    jmp     asleep
