/*
 * When delivering a fault faults (SDM 3A 6.15, table 6-5): a benign event gives way to the new fault; two contributory
 * ones become a double fault, error code 0. Its handler needs a stack that is good whatever happened: IST1 here.
 */
#include "x86/guest.h"

#define BAD_SELECTOR 0xFFF8             /* beyond the GDT's limit */

    GUEST_LONG64
    SET_IST 1, ist1_stack
    IDT_GATE VECTOR_DF, double_fault, INTERRUPT_GATE, 0, 1
    IDT_GATE VECTOR_NP, not_present

    IDT_NOT_PRESENT VECTOR_UD
    movl    $benign_done, %ebx
undefined:
    ud2
benign_done:

    IDT_NOT_PRESENT VECTOR_GP
    movl    $pair_done, %ebx
    movw    $BAD_SELECTOR, %ax
    movw    %ax, %ds
pair_done:
    IDT_GATE VECTOR_GP, crash
    IDT_GATE VECTOR_UD, crash

    movl    $stack_done, %ebx
    movl    $1, %eax
    rorq    $1, %rax                    # 8000000000000000h is no address
    movq    %rax, %rsp
    ud2
stack_done:
    CHECK_EQ double_faults(%rip), $2, "both double faults were taken, and one handler returned from each"
    POWER_OFF

not_present:
    CHECK_EQ 0(%rsp), $(VECTOR_UD*8+ERROR_IDT+ERROR_EXT), "#UD is benign: its missing gate is a plain #NP"
    CHECK_EQ 8(%rsp), $undefined, "the frame points at the instruction that started it"
    movl    $stack, %esp
    jmp     *%rbx

double_fault:
    CHECK_EQ 0(%rsp), $0, "a double fault's error code is 0", q
    CHECK_EQ %esp, $(ist1_stack-48), "its handler has the stack of IST1"
    incl    double_faults(%rip)
    movl    $stack, %esp                # an abort: nothing to return to
    jmp     *%rbx

crash:
    FAIL    "a handler without a stack is never entered"

    STACK   ist1_stack
    VAR     double_faults
