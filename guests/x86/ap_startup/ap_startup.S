/*
 * Starting a CPU (SDM 3A 9.4): INIT resets it and lets it wait for a startup message, which names the page where it
 * begins in real mode. It listens to no other, and to none once it runs.
 */
#include "x86/guest.h"
#include "x86/sleep.inc"

    GUEST_PROTECTED32
    COPY_REAL
    LAPIC_ENABLE

    SEND_IPI 1, ICR_INIT
    SLEEP   10000
    CHECK_EQ starts, $0, "INIT alone starts nothing", w
    movl    $first, %eax
    call    startup
    CHECK_EQ starts, $1, "a startup message does", w
    CHECK_EQ at_ip, $0, "at the beginning of its page", w
    movl    $first, %eax
    shrl    $4, %eax
    CHECK_EQ at_cs, %ax, "CS holds the page", w
    testw   $CR0_PE, at_cr0
    CHECK_IF z, "in real mode"
    testw   $FLAG_IF, at_flags
    CHECK_IF z, "with interrupts off"
    testw   $BASE_BSP, at_base
    CHECK_IF z, "and not as the boot processor"
    movl    $MSR_APIC_BASE, %ecx
    rdmsr
    testl   $BASE_BSP, %eax
    CHECK_IF nz, "which is this one"

    movl    $second, %eax
    call    startup
    call    heartbeat
    CHECK_EQ starts, $1, "a CPU that runs ignores startup messages", w
    SEND_IPI 1, ICR_INIT
    SLEEP   10000
    CHECK_EQ starts, $1, "INIT stops it", w
    movl    $second, %eax
    call    startup
    CHECK_EQ starts, $2, "then it listens again", w
    movl    $second, %eax
    shrl    $4, %eax
    CHECK_EQ at_cs, %ax, "and may begin elsewhere", w
    CHECK_EQ at_ip, $0, "again at the beginning", w
    movl    $first, %eax
    call    startup
    call    heartbeat
    CHECK_EQ starts, $2, "of two messages only one is heard", w
    POWER_OFF

/* Send the second CPU to the page at EAX, and give it time. */
startup:
    shrl    $12, %eax
    orl     $ICR_STARTUP, %eax
    LAPIC_WRITE LAPIC_ICR_HIGH, $(1<<24)
    LAPIC_WRITE LAPIC_ICR_LOW, %eax
    SLEEP   1000
    ret

/* Until the second CPU has gone round its loop, and so past any message sent before. */
heartbeat:
    movw    beats, %ax
.Lbeat:
    pause
    movw    beats, %cx
    subw    %ax, %cx
    cmpw    $2, %cx
    jb      .Lbeat
    ret

    .section .real, "awx", @progbits
    BITS    16
    .balign 4096
first:
    call    report
    .balign 4096
second:
    call    report

report:                                 # the stack is where INIT has left it: SS 0, SP 0
    popw    %bx
    subw    $3, %bx                     # back over CALL
    xorw    %ax, %ax
    movw    %ax, %ds
    movw    %bx, at_ip
    movw    %cs, at_cs
    pushfw
    popw    at_flags
    smsw    at_cr0
    movl    $MSR_APIC_BASE, %ecx
    rdmsr
    movw    %ax, at_base
    incw    starts
running:
    pause
    incw    beats
    jmp     running

    VAR     starts
    VAR     beats
    VAR     at_ip
    VAR     at_cs
    VAR     at_flags
    VAR     at_cr0
    VAR     at_base
