/*
 * NMI blocking (SDM 3A 6.7.1): from the delivery of an NMI until the next IRET no further one is delivered; the CPU
 * remembers one. Neither INT 2 nor a maskable interrupt with vector 2 is an NMI. `script` says what the handler of
 * vector 2 does the next time it is entered.
 */
#include "x86/guest.h"

#define BAD_SELECTOR 0xFFF8             /* beyond the GDT's limit */

    GUEST_PROTECTED32
    IDT_GATE VECTOR_NMI, handler
    IDT_GATE VECTOR_GP, protection

    SEND_NMI
    CHECK_EQ entered, $1, "an NMI is taken although IF is clear"

    movl    $0, entered
    movl    $send_three, script
    SEND_NMI
    CHECK_EQ nested, $1, "three NMIs sent in the handler are not taken in the handler"
    CHECK_EQ entered, $2, "one of them is remembered and taken after IRET, the others are lost"

    movl    $0, entered
    movl    $send_one, script
    int     $VECTOR_NMI
    CHECK_EQ nested, $2, "INT 2 blocks no NMI: one sent in its handler is taken there"

    PIC_INIT 0x20, 0                    # IRQ 10 gets vector 2
    PIC_UNMASK 10
    movl    $0, entered
    movl    $send_one, script
    RAISE   10
    nop
    CHECK_EQ entered, $0, "a maskable interrupt with vector 2 waits for IF"
    sti
    nop
    cli
    LOWER   10
    PIC_EOI 10
    CHECK_EQ nested, $2, "a maskable interrupt with vector 2 blocks no NMI either"

    movl    $0, entered
    movl    $fail_iret, script
    SEND_NMI
    CHECK_EQ faulted, $1, "IRET to a bad selector is a general protection fault"
    CHECK_EQ entered, $2, "the remembered NMI is not lost by that"
    CHECK_EQ nested, $2, "an IRET that faults ends the blocking all the same: the NMI precedes the fault's handler"
    POWER_OFF

handler:
    incl    entered
    xorl    %ebx, %ebx
    xchgl   %ebx, script
    testl   %ebx, %ebx
    jz      nothing
    jmp     *%ebx
nothing:
    iret

send_three:
    SEND_NMI
    SEND_NMI
    SEND_NMI
    movl    entered, %eax
    movl    %eax, nested
    iret

send_one:
    SEND_NMI
    movl    entered, %eax
    movl    %eax, nested
    iret

fail_iret:
    SEND_NMI
    pushl   $FLAG_FIXED
    pushl   $BAD_SELECTOR
    pushl   $nothing
    iret

protection:
    incl    faulted
    movl    entered, %eax
    movl    %eax, nested
    addl    $(4 + 12 + 12), %esp        # error code, its frame, the bad frame
    iret

    VAR     entered
    VAR     nested
    VAR     faulted
    VAR     script
