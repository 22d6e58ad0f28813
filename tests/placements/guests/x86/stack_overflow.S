/*
 * Stack overflow by nesting: a handler needs 44 bytes of a stack of 60, and lets in another that finds 16. The guard
 * word below the stack says so. FIXED: it keeps others out.
 */
#include "x86/guest.h"

#define GUARD   0x600DC0DE

    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    movl    $GUARD, guard
    movl    $small_stack, %esp
    sti
    nop                                 # STI's shadow
begin:
    nop
    nop
end:
    nop
over:
    POWER_OFF

handler:                                # 12 bytes of EFLAGS, CS and EIP
    pushal                              # and 32
    movb    $OCW2_EOI, %al
    outb    %al, $PIC1
#ifndef FIXED
    sti
    nop                                 # its shadow
    nop
#endif
last:
    cli
    popal
    iret

    .bss
    .balign 4
    .skip   64
guard:
    .skip   4
    .skip   60
small_stack:
