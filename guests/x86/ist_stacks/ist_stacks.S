/*
 * Stacks in long mode (SDM 3A 6.14.2, 6.14.4, 6.14.5): the frame is always SS, RSP, RFLAGS, CS, RIP, on a stack aligned
 * to 16 bytes. A gate's IST number brings a stack of its own, whatever ring was interrupted; without one, ring 3 enters
 * on RSP0 with a null SS, and ring 0 stays where it is.
 */
#include "x86/guest.h"

#define SAME_STACK  0x40
#define OWN_STACK   0x41
#define FROM_USER   0x42
#define USER_TO_IST 0x43

    GUEST_LONG64
    SET_IST 1, ist1_stack
    SET_IST 2, ist2_stack
    IDT_GATE SAME_STACK, same_stack
    IDT_GATE OWN_STACK, own_stack, INTERRUPT_GATE, 0, 1
    IDT_GATE VECTOR_NMI, nmi, INTERRUPT_GATE, 0, 2
    IDT_GATE FROM_USER, from_user, INTERRUPT_GATE, 3
    IDT_GATE USER_TO_IST, user_to_ist, INTERRUPT_GATE, 3, 1

    subq    $3, %rsp                    # as crooked as a stack can be
    int     $SAME_STACK
    CHECK_EQ %esp, $(stack-3), "IRETQ brings the crooked RSP back"
    addq    $3, %rsp

    int     $OWN_STACK
    SEND_NMI
    CHECK_EQ nmis(%rip), $1, "the NMI was taken"
    ENTER_USER user, user_stack, FLAG_FIXED

same_stack:
    CHECK_EQ %esp, $(stack-16-40), "the frame starts at the next 16-byte boundary down"
    CHECK_EQ 24(%rsp), $(stack-3), "the frame keeps RSP as it was"
    CHECK_EQ 32(%rsp), $KERNEL_DATA, "the frame has SS although the ring is the same"
    iretq

own_stack:
    CHECK_EQ %esp, $(ist1_stack-40), "a gate with IST 1 starts on IST1"
    CHECK_EQ 24(%rsp), $stack, "its frame has the RSP of the interrupted stack"
    iretq

nmi:
    incl    nmis(%rip)
    CHECK_EQ %esp, $(ist2_stack-40), "an NMI with IST 2 starts on IST2"
    iretq

user:
    int     $FROM_USER
    int     $USER_TO_IST
    FAIL    "INT with IST arrives at its handler"

from_user:
    CHECK_EQ %esp, $(kernel_stack-40), "an interrupt from ring 3 starts on RSP0"
    movw    %ss, %ax
    CHECK_EQ %ax, $0, "SS is null in ring 0", w
    CHECK_EQ 24(%rsp), $user_stack, "the frame has the user's RSP"
    CHECK_EQ 32(%rsp), $(USER_DATA|3), "the frame has the user's SS"
    iretq

user_to_ist:
    CHECK_EQ %esp, $(ist1_stack-40), "from ring 3, too, IST comes before RSP0"
    POWER_OFF

    STACK   ist1_stack
    STACK   ist2_stack
    STACK   user_stack
    VAR     nmis
