/*
 * The task priority (SDM 3A 11.8.3.1) and CR8, 64-bit mode's way to its class (SDM 3A 11.8.6). Vectors of that class
 * and below wait in IRR; lowering it lets them in before the next instruction.
 */
#include "x86/guest.h"

#define LOW     0x4E
#define MIDDLE  0x51
#define HIGH    0x61

    GUEST_LONG64
    LAPIC_ENABLE
    IDT_GATE LOW, low
    IDT_GATE MIDDLE, middle
    IDT_GATE HIGH, high
    IDT_GATE VECTOR_GP, protection

    LAPIC_WRITE LAPIC_TPR, $0x3A
    mov     %cr8, %rax
    CHECK_EQ %rax, $3, "CR8 reads TPR 7:4", q
    movl    $5, %eax
    mov     %rax, %cr8
    LAPIC_READ LAPIC_TPR
    CHECK_EQ %eax, $0x50, "writing CR8 writes TPR, with 0 in its lower half"
    LAPIC_READ LAPIC_PPR
    CHECK_EQ %eax, $0x50, "with nothing in service that is the processor priority"

    sti
    SEND_SELF LOW
    SEND_SELF MIDDLE
    SEND_SELF HIGH
    nop
    CHECK_EQ taken, $0x61, "only a class above CR8 comes, though IF is set"

    movl    $4, %eax
    mov     %rax, %cr8
    movl    taken, %ecx                 # no instruction between
    CHECK_EQ %ecx, $0x6151, "lowering CR8 by one lets in the next class, before the next instruction"
    xorl    %eax, %eax
    mov     %rax, %cr8
    movl    taken, %ecx
    CHECK_EQ %ecx, $0x61514E, "0 lets in the rest"
    CHECK_EQ middle_priority, $0x50, "in a handler the priority is the class in service, when above the task's"

    cli
    movl    $15, %eax
    mov     %rax, %cr8
    SEND_SELF 0xF1
    sti
    nop
    cli
    LAPIC_READ LAPIC_IRR+0x70
    CHECK_EQ %eax, $BIT(0xF1), "15 keeps every vector out"

    movl    $16, %eax
    mov     %rax, %cr8
    CHECK_EQ faulted, $1, "its other bits are reserved: a general protection fault"
    mov     %cr8, %rax
    CHECK_EQ %rax, $15, "and CR8 stays as it was", q
    POWER_OFF

.macro HANDLER name, vector
\name:
    push    %rax
    shll    $8, taken
    orl     $\vector, taken
    LAPIC_READ LAPIC_PPR
    movl    %eax, \name\()_priority
    LAPIC_EOI_NOW
    pop     %rax
    iretq
    VAR     \name\()_priority
.endm

    HANDLER low, LOW
    HANDLER middle, MIDDLE
    HANDLER high, HIGH

protection:
    incl    faulted
    addq    $8, %rsp                    # error code
    addq    $4, (%rsp)                  # past MOV to CR8, with its REX prefix
    iretq

    VAR     taken
    VAR     faulted
