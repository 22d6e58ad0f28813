/* One vCPU holds a lock and waits for an acknowledgement; the other waits for the lock, and acknowledges nothing. */
#include "x86/guest.h"
#include "x86/smp.inc"

#define SHOOTDOWN 0x41
#define WINDOW   0x400000               /* whose translation is to be forgotten */
#define WORK     3000                   /* rounds of changing the tables */
#define PATIENCE 20000                  /* looks at the acknowledgement */

    GUEST_PROTECTED32
    IDT_GATE SHOOTDOWN, forget
    SMP_START other, 1
    movl    $1, locked
    movl    $WORK, %ecx
change:
    loop    change
send:
    LAPIC_SEND (ICR_OTHERS|ICR_FIXED|SHOOTDOWN)
    movl    $PATIENCE, %ecx
until_forgotten:
    cmpl    $1, forgotten
    je      all
    pause
    loop    until_forgotten
    PRINT   "no acknowledgement\n"
    EXIT    1
all:
    movl    $0, locked
    POWER_OFF

other:
    sti
    WAIT_FOR locked, 1
    cli
spin:
    movl    $1, %eax
    xchgl   %eax, locked
    testl   %eax, %eax
    jz      mine
#ifdef FIXED
    sti
#endif
    pause
    cli
    jmp     spin
mine:
    movl    $0, locked
    hlt

forget:
    invlpg  WINDOW
    incl    forgotten
    LAPIC_EOI_NOW
    iret

    VAR     locked
    VAR     forgotten
