/*
 * NMIs by interprocessor interrupt (SDM 3A 11.6.1, 6.7): "all but self" reaches the CPUs that no other interrupt would,
 * each once; of those sent while its handler runs each CPU remembers one. No ISR bit, no EOI.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define OTHERS  3

    GUEST_PROTECTED32
    IDT_GATE VECTOR_NMI, handler
    SMP_START halt, OTHERS
    SLEEP   1000                        # all of them are in HLT

    movl    $1, hold
    LAPIC_SEND (ICR_OTHERS|ICR_NMI)
    WAIT_FOR entered, OTHERS
    CHECK_EQ taken+4, $1, "CPU 1 takes the NMI, though IF is clear and it is halted"
    CHECK_EQ taken+8, $1, "so does CPU 2"
    CHECK_EQ taken+12, $1, "and CPU 3"
    CHECK_EQ taken+0, $0, "the sender takes none"

    LAPIC_SEND (ICR_OTHERS|ICR_NMI)
    LAPIC_SEND (ICR_OTHERS|ICR_NMI)
    SLEEP   1000
    CHECK_EQ entered, $OTHERS, "those sent while the handlers run wait for IRET"
    movl    $0, hold
    WAIT_FOR left, 2*OTHERS
    SLEEP   1000
    CHECK_EQ entered, $(2*OTHERS), "each CPU has remembered one of two"
    CHECK_EQ taken+4, $2, "CPU 1 has had two in all"
    CHECK_EQ taken+8, $2, "CPU 2 too"
    CHECK_EQ taken+12, $2, "and CPU 3"
    CHECK_EQ in_service, $0, "none of them was in service in a local APIC"

    SEND_IPI 2, ICR_NMI
    WAIT_FOR left, 2*OTHERS+1
    CHECK_EQ taken+8, $3, "an NMI to one id goes there"
    POWER_OFF

halt:                                   # IF is clear since INIT
    hlt
    jmp     halt

handler:
    pushl   %eax
    MY_NUMBER
    incl    taken(,%eax,4)
    movl    ISR(VECTOR_NMI), %eax
    lock orl %eax, in_service
    lock incl entered
held:
    pause
    cmpl    $0, hold
    jne     held
    lock incl left
    popl    %eax
    iret

    VAR     taken, 16
    VAR     in_service
    VAR     hold
    VAR     entered
    VAR     left
