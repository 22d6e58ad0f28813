/*
 * Interrupt round trips and nothing else, to be timed from outside: the guest raises IRQ 4 on the test device, the
 * handler lowers it, ends it and returns.
 */
#include "x86/guest.h"

#define ROUNDS  200000

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    movl    $(TEST_LINE + 4), %edx
    xorl    %esi, %esi                  # interrupts taken
    sti
round:
    leal    1(%esi), %edi
    movb    $1, %al
    outb    %al, %dx
taken:
    cmpl    %edi, %esi
    jb      taken
    cmpl    $ROUNDS, %esi
    jb      round
    cli
    CHECK_EQ %esi, $ROUNDS, "every rising edge was one interrupt"
    PRINT_DEC %esi
    PRINT   " round trips\n"
    POWER_OFF

handler:
    incl    %esi
    xorb    %al, %al
    outb    %al, %dx
    movb    $OCW2_EOI, %al
    outb    %al, $PIC1
    iret
