/* A clock's interrupt and a network's, on one core or on two. */
#include "x86/guest.h"
#include "x86/smp.inc"
#include "x86/ioapic.inc"

#define TICKS   100
#define WORK    500                     /* rounds of the network's handler */
#ifdef FIXED
#define AFFINITY 1                      /* the local APIC that has the network's interrupts */
#else
#define AFFINITY 0
#endif
#define NETWORK 0x35                    /* vectors; the clock's is of a higher class */
#define CLOCK   0x46

    GUEST_PROTECTED32
    SMP_START second, 1
    IDT_GATE NETWORK, network
    IDT_GATE CLOCK, tick
    IOAPIC_ROUTE 5, AFFINITY, NETWORK
    IOAPIC_ROUTE 6, 0, CLOCK
sleep:
    cli
    cmpl    $TICKS, ticks
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

second:
    sti
    hlt
    jmp     second

network:
    push    %ecx
    movl    $WORK, %ecx
1:
    decl    %ecx
    jnz     1b
    LAPIC_EOI_NOW
    pop     %ecx
    iret

tick:
    incl    ticks                       # and the motor's step
    LAPIC_EOI_NOW
    iret

    VAR     ticks
