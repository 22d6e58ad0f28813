/* A number is raised to a secret power, bit by bit; one routine does a bit, and has a page of its own. */
#include "x86/guest.h"

#define BITS    256
#define BASE    3

    GUEST_PROTECTED32
    IDT_GATE 0x25, timer                # IRQ 5
    PIC_UNMASK 5
    xorl    %esi, %esi
    movl    $1, %eax
    sti
next:
    call    one_bit
    incl    %esi
    cmpl    $BITS, %esi
    jb      next
    cli
    movl    %eax, power
    POWER_OFF

timer:
    PIC_EOI 5
    iret

    .balign 4096
one_bit:
    imull   %eax, %eax
#ifdef FIXED
    imull   $BASE, %eax, %edx
    btl     %esi, key
    cmovcl  %edx, %eax
#else
    btl     %esi, key
    jnc     leave
    imull   $BASE, %eax
leave:
#endif
    ret
    .balign 4096

    VAR     power
    .data
    .balign 4
key:
    .skip   BITS/8
