/*
 * Lowest priority delivery (SDM 3A 11.6.2.4): one of the CPUs addressed takes the message, the one whose task priority,
 * or what it serves, is the lowest. Which of equals, is the platform's choice.
 */
#include "x86/guest.h"
#include "x86/smp.inc"
#include "x86/ioapic.inc"

#define PIN     5
#define VECTOR  0x41
#define BUSY    0xF0
#define BOTH    3
#define EDGES   16

    GUEST_PROTECTED32
    IDT_GATE VECTOR, handler
    SMP_START second, 1
    LAPIC_WRITE LAPIC_LDR, $(1<<24)
    WAIT_FOR ready, 1

    IOAPIC_ROUTE PIN, BOTH, ENTRY_LOGICAL|VECTOR
    call    edge
    WAIT_FOR taken+4, 1
    CHECK_EQ taken+0, $1, "fixed delivery: both take it"

    IOAPIC_ROUTE PIN, BOTH, ENTRY_LOGICAL|ENTRY_LOWEST|VECTOR
    movl    $2, %ebx
    movl    $(2 + EDGES), %esi
next:
    call    edge
    incl    %ebx
until_taken:
    call    window
    call    sum
    cmpl    %ebx, %eax
    jb      until_taken
    cmpl    %esi, %ebx
    jb      next
    SLEEP   1000
    call    sum
    CHECK_EQ %eax, %esi, "lowest priority: each edge is taken by one of them, once"

    movl    taken+0, %ebx
    IOAPIC_ROUTE PIN, 2, ENTRY_LOGICAL|ENTRY_LOWEST|VECTOR
    call    edge
    incl    %esi
until_second:
    call    sum
    cmpl    %esi, %eax
    jb      until_second
    CHECK_EQ taken+0, %ebx, "a CPU that is not addressed takes none, idle or not"

    IOAPIC_ROUTE PIN, BOTH, ENTRY_LOGICAL|ENTRY_LOWEST|VECTOR
    movl    $BUSY, priority
    WAIT_FOR set, BUSY
    movl    taken+4, %ebx
    call    edge
    SLEEP   1000
    CHECK_EQ taken+4, %ebx, "while the second is busier, the first takes it"
    movl    $0, priority
    WAIT_FOR set, 0
    SLEEP   1000
    CHECK_EQ taken+4, %ebx, "and nothing is left for the second"

    LAPIC_WRITE LAPIC_TPR, $BUSY
    movl    taken+0, %ebx
    call    edge
    SLEEP   1000
    LAPIC_WRITE LAPIC_TPR, $0
    call    window
    CHECK_EQ taken+0, %ebx, "while the first is busier, the second takes it"
    POWER_OFF

edge:
    PULSE   PIN
window:
    sti
    .rept   4
    nop
    .endr
    cli
    ret

/* EAX = interrupts taken by both. */
sum:
    movl    taken+0, %eax
    addl    taken+4, %eax
    ret

/* The second does work of the priority it is told to. */
second:
    LAPIC_WRITE LAPIC_LDR, $(2<<24)
    movl    $1, ready
    sti
work:
    pause
    movl    priority, %eax
    LAPIC_WRITE LAPIC_TPR, %eax
    movl    %eax, set
    jmp     work

handler:
    pushl   %eax
    MY_NUMBER
    lock incl taken(,%eax,4)
    LAPIC_EOI_NOW
    popl    %eax
    iret

    VAR     ready
    VAR     priority
    VAR     set
    VAR     taken, 8
