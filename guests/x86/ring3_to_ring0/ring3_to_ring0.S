/*
 * From ring 3 to ring 0 and back (SDM 3A 6.12.1): the CPU takes SS0:ESP0 from the TSS and pushes the user's SS and ESP
 * before the usual frame. The gate's DPL guards INT n, not hardware interrupts.
 */
#include "x86/guest.h"

#define SYSTEM_CALL 0x80

    GUEST_PROTECTED32
    IDT_GATE 0x25, hardware             # DPL 0
    IDT_GATE SYSTEM_CALL, system_call, INTERRUPT_GATE, 3
    IDT_GATE VECTOR_GP, protection
    PIC_UNMASK 5
    RAISE   5
    ENTER_USER user, user_stack, (FLAG_FIXED|FLAG_IF)

user:
    int     $SYSTEM_CALL
after_call:
    pushl   $1                          # leaves the user's stack 4 bytes lower
forbidden:
    int     $0x20
    FAIL    "INT 20h from ring 3 is a general protection fault"

hardware:
    CHECK_EQ %esp, $(kernel_stack-20), "an interrupt in ring 3 starts at the top of the TSS's ring 0 stack"
    CHECK_EQ 0(%esp), $user, "it came before the first instruction in ring 3"
    CHECK_EQ 4(%esp), $(USER_CODE32|3), "the frame has the user's CS, which says ring 3"
    CHECK_EQ 8(%esp), $(FLAG_FIXED|FLAG_IF), "the frame has the user's EFLAGS"
    CHECK_EQ 12(%esp), $user_stack, "the frame has the user's ESP"
    CHECK_EQ 16(%esp), $(USER_DATA|3), "the frame has the user's SS"
    movw    %cs, %ax
    CHECK_EQ %ax, $KERNEL_CODE32, "the handler runs in ring 0", w
    movw    %ss, %ax
    CHECK_EQ %ax, $KERNEL_DATA, "on the ring 0 stack segment", w
    LOWER   5
    PIC_EOI 5
    iret

system_call:
    CHECK_EQ %esp, $(kernel_stack-20), "INT 80h starts at the top of the same stack: nothing was left on it"
    CHECK_EQ 0(%esp), $after_call, "its frame points behind the INT"
    pushf
    popl    %eax
    testl   $FLAG_IF, %eax
    CHECK_IF z, "the interrupt gate has cleared IF"
    iret

protection:
    CHECK_EQ 0(%esp), $(0x20*8+ERROR_IDT), "INT through a gate of DPL 0 is #GP; the error code names the gate"
    CHECK_EQ 4(%esp), $forbidden, "a fault's frame points at its instruction"
    CHECK_EQ 16(%esp), $(user_stack-4), "the frame has the user's ESP as it was just then"
    POWER_OFF

    STACK   user_stack
