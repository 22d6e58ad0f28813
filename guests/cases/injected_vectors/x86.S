/* A program that compares a password, on a kernel with a system call and an instruction that it executes for the CPU. */
#include "x86/guest.h"

#define SYSTEM_CALL 0x80
#define INT_80H     0x80CD              /* its bytes */
#define UD2         0x0B0F
#define TICKET      1                   /* the one system call there is */
#define ENOSYS      38
#define LENGTH      8

    GUEST_PROTECTED32
    IDT_GATE SYSTEM_CALL, system_call, INTERRUPT_GATE, 3
    IDT_GATE VECTOR_UD, undefined
    ENTER_USER user, user_stack, (FLAG_FIXED|FLAG_IF|FLAG_IOPL3)

user:
    ud2                                 # the time, which this CPU cannot tell
    movl    %eax, began
    movl    $TICKET, %eax
    int     $SYSTEM_CALL
    movl    %eax, ticket
    call    compare
checked:
    testl   %eax, %eax
    jz      again
    incl    granted
again:
    call    compare
    testl   %eax, %eax
compared:
    jz      refused
    incl    granted
refused:
    POWER_OFF

compare:                                # EAX: 1 if it is the right one
    movl    $password, %esi
    movl    $typed, %edi
    movl    $LENGTH, %ecx
    xorl    %eax, %eax
    repe cmpsb
    sete    %al
    ret

system_call:
#ifdef FIXED
    pushl   %ebx
    movl    4(%esp), %ebx
    cmpw    $INT_80H, -2(%ebx)          # who called?
    popl    %ebx
    jne     nobody
#endif
    cmpl    $TICKET, %eax
    jne     unknown
    incl    tickets
    movl    tickets, %eax
    iret
unknown:
    movl    $-ENOSYS, %eax
    iret

undefined:
#ifdef FIXED
    pushl   %ebx
    movl    4(%esp), %ebx
    cmpw    $UD2, (%ebx)
    popl    %ebx
    jne     nobody
#endif
    movl    time, %eax
    addl    $2, (%esp)                  # it is done
    iret

nobody:
    iret

    .data
time:
    .long   1
password:
    .ascii  "sunfish!"
typed:
    .ascii  "goldfish"
    VAR     began
    VAR     ticket
    VAR     tickets
    VAR     granted
    STACK   user_stack
