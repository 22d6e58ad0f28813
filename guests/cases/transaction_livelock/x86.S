/* A transaction that is longer than the time between two interrupts. */
#include "x86/guest.h"

#define TRANSFERS 10
#define ACCOUNTS 60
#define PATIENCE 3                      /* aborts in a row */

    GUEST_PROTECTED32
    IDT_GATE 0x25, timer                # IRQ 5
    PIC_UNMASK 5
    sti
    nop
transfer:
    xorl    %esi, %esi
again:
#ifdef FIXED
    cmpl    $PATIENCE, %esi
    jb      try
    cli
try:
#endif
    xbegin  aborted
    movl    $accounts, %edi
    movl    $ACCOUNTS, %ecx
one:
    incl    (%edi)
    addl    $4, %edi
    incl    total
    decl    %ecx
    jnz     one
    xend
    sti
    incl    done
    cmpl    $TRANSFERS, done
    jb      transfer
    POWER_OFF
aborted:
    incl    aborts
    incl    %esi
    jmp     again

timer:
    PIC_EOI 5
    iret

    VAR     done
    VAR     aborts
    VAR     total
    VAR     accounts, 4*ACCOUNTS
