/* A kernel masks interrupts while it computes with a bit of its key, for a time that depends on the bit. */
#include "x86/guest.h"

#define BITS    512
#define ZERO    200                     /* instructions that a bit takes */
#define ONE     800

    GUEST_PROTECTED32
    IDT_GATE 0x25, timer                # IRQ 5
    PIC_UNMASK 5
    sti
    xorl    %esi, %esi
next:
    xorl    %eax, %eax
    btl     %esi, key
    adcl    $0, %eax                    # the bit
    cli
masked:
#ifdef FIXED
    movl    rounds+4, %ecx
#else
    movl    rounds(,%eax,4), %ecx
#endif
compute:
    decl    %ecx
    jnz     compute
    sti
    incl    %esi
    cmpl    $BITS, %esi
    jb      next
    POWER_OFF

timer:
    PIC_EOI 5
    iret

    .data
rounds:
    .long   ZERO/2, ONE/2
key:
    .skip   BITS/8
