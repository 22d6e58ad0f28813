/* A stack switch: MOV SS holds interrupts off until ESP is loaded, too (SDM 3A 6.8.3). */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE VECTOR_NMI, nmi
    movw    %ss, %ax
switch:
    movw    %ax, %ss
half:
    movl    $other_stack, %esp
done:
    nop
    POWER_OFF

nmi:
    movl    %esp, seen
    iret

    VAR     seen
    STACK   other_stack
