/* Handlers that let one another in, on a stack for little more than one of them. */
#include "x86/guest.h"

#define GUARD       24589
#define BUFFER      32
#define ROOM        80                 /* bytes of stack */

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    IDT_GATE 0x26, handler              # IRQ 6
    IDT_GATE 0x27, handler              # IRQ 7
    PIC_UNMASK 5
    PIC_UNMASK 6
    PIC_UNMASK 7
    movl    $GUARD, stack_guard
    movl    $top, %esp
    sti
    nop                                 # the shadow of STI
begin:
    incl    n
end:
    incl    n
    .rept   64
    nop
    .endr
    POWER_OFF

handler:
    push    %eax
    subl    $BUFFER, %esp
    movb    $0x20, %al                  # an end of interrupt that names none: of the highest in service
    outb    %al, $0x20
#ifndef FIXED
    sti                                 # the others need not wait
#endif
    movl    $0, %eax
fill:
    movl    %eax, (%esp, %eax, 4)
    incl    %eax
    cmpl    $BUFFER / 4, %eax
    jb      fill
    addl    $BUFFER, %esp
    pop     %eax
    iret

    .section .bss
    .balign 16
stack_guard:
    .skip   4
    .skip   ROOM
top:
    VAR     n
