/*
 * INT 80h as a call to whoever is below: alone, the guest's own handler answers; a script that traps INT 80h answers in
 * its place, and the guest cannot tell but by the answer. EAX = the service in, the answer out.
 */
#include "x86/guest.h"

#define CALL    0x80
#define ADD     1                       /* EBX + ECX */

    GUEST_PROTECTED32
    IDT_GATE CALL, own_handler
    movl    $ADD, %eax
    movl    $40, %ebx
    movl    $2, %ecx
    int     $CALL
    cmpl    $0, served
    je      trapped
    CHECK_EQ %eax, $42, "the guest's own handler answers"
    jmp     done
trapped:
    PASS    "a hypervisor answers, and the handler has not run"
done:
    PRINT   "40 + 2 is "
    PRINT_DEC %eax
    PRINT   "\n"
    POWER_OFF

own_handler:
    incl    served
    leal    (%ebx, %ecx), %eax
    iret

    VAR     served
