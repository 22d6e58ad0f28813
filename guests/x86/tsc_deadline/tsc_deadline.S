/*
 * TSC-deadline mode (SDM 3A 11.5.4.1): an MSR holds the time stamp at which the timer interrupts, and becomes 0 when it
 * has. A time that is past interrupts at once, 0 disarms. The count registers have no say.
 */
#include "x86/guest.h"

#define TIMER           0x41
#define AHEAD           1000000
#define MSR_DEADLINE    0x6E0

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE TIMER, handler
    movl    $1, %eax
    cpuid
    testl   $CPUID_DEADLINE, %ecx
    CHECK_IF nz, "the CPU has the mode"

    LAPIC_WRITE LAPIC_LVT_TIMER, $TIMER
    call    arm
    call    read_deadline
    orl     %edx, %eax
    CHECK_IF z, "in one-shot mode writes are ignored"

    LAPIC_WRITE LAPIC_LVT_TIMER, $(LVT_DEADLINE|TIMER)
    mfence                              # WRMSR must not overtake the memory write
    LAPIC_WRITE LAPIC_INITIAL, $AHEAD
    CHECK_EQ LAPIC+LAPIC_INITIAL, $0, "the initial count cannot be written"
    CHECK_EQ LAPIC+LAPIC_CURRENT, $0, "the current count is 0"

    call    arm
    call    read_deadline
    CHECK_EQ %eax, deadline+0, "the deadline can be read"
    CHECK_EQ %edx, deadline+4, "with its upper half"
until_taken:
    sti
    hlt
    cli
    cmpl    $0, taken
    je      until_taken
    CHECK_EQ taken, $1, "it comes"
    movl    at+0, %eax
    movl    at+4, %edx
    subl    deadline+0, %eax
    sbbl    deadline+4, %edx
    CHECK_IF nc, "not before its time"
    call    read_deadline
    orl     %edx, %eax
    CHECK_IF z, "then the deadline is 0"

    movl    $1, %eax
    xorl    %edx, %edx
    call    write_deadline
    testl   $BIT(TIMER), IRR(TIMER)
    CHECK_IF nz, "a time that is past comes at once"
    call    window
    CHECK_EQ taken, $2, "and once"

    call    arm
    xorl    %eax, %eax
    xorl    %edx, %edx
    call    write_deadline
    call    beyond
    call    window
    CHECK_EQ taken, $2, "0 disarms it"

    call    arm
    LAPIC_WRITE LAPIC_LVT_TIMER, $TIMER
    call    beyond
    call    window
    CHECK_EQ taken, $2, "so does another mode"
    POWER_OFF

/* A deadline AHEAD of now. */
arm:
    rdtsc
    addl    $AHEAD, %eax
    adcl    $0, %edx
    movl    %eax, deadline+0
    movl    %edx, deadline+4
write_deadline:
    movl    $MSR_DEADLINE, %ecx
    wrmsr
    ret

read_deadline:
    movl    $MSR_DEADLINE, %ecx
    rdmsr
    ret

/* Until the deadline's time is well over. */
beyond:
    pause
    rdtsc
    subl    $AHEAD, %eax
    sbbl    $0, %edx
    subl    deadline+0, %eax
    sbbl    deadline+4, %edx
    jc      beyond
    ret

window:
    sti
    nop
    nop
    cli
    ret

handler:
    pushl   %eax
    pushl   %edx
    rdtsc
    movl    %eax, at+0
    movl    %edx, at+4
    incl    taken
    LAPIC_EOI_NOW
    popl    %edx
    popl    %eax
    iret

    VAR     taken
    VAR     deadline, 8
    VAR     at, 8
