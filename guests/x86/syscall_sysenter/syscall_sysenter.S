/*
 * System calls without the IDT, in 64-bit mode (SDM 2B SYSCALL, SYSRET, SYSENTER, SYSEXIT; 3A 5.8.7, 5.8.8). Neither
 * reads memory: SYSCALL keeps RIP and RFLAGS in RCX and R11 and leaves RSP to the kernel; SYSENTER keeps nothing and
 * takes RSP from an MSR. AMD's processors have no SYSENTER in long mode (AMD64 manual, volume 3).
 */
#include "x86/guest.h"

#define EFER_SCE        0x001
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_STAR        0xC0000081
#define MSR_LSTAR       0xC0000082
#define MSR_FMASK       0xC0000084
#define FINISH          0x80

.macro WRITE_MSR index, low, high=0
    movl    $\index, %ecx
    movl    $\low, %eax
    movl    $\high, %edx
    wrmsr
.endm

    GUEST_LONG64
    WRITE_MSR MSR_STAR, 0, ((USER_CODE32|3)<<16|KERNEL_CODE64)
    WRITE_MSR MSR_LSTAR, syscall_entry
    WRITE_MSR MSR_FMASK, (FLAG_IF|FLAG_CF)
    WRITE_MSR MSR_SYSENTER_CS, KERNEL_CODE64
    WRITE_MSR MSR_SYSENTER_ESP, sysenter_stack
    WRITE_MSR MSR_SYSENTER_EIP, sysenter_entry
    movl    $MSR_EFER, %ecx
    rdmsr
    orl     $EFER_SCE, %eax
    wrmsr
    IDT_GATE FINISH, finish, INTERRUPT_GATE, 3
    IDT_GATE VECTOR_UD, undefined
    ENTER_USER user, user_stack, (FLAG_FIXED|FLAG_IF)

user:
    stc
    syscall
after_syscall:
    movl    %cs, %esi
    movl    %ss, %edi
    setc    %bl
    movl    $after_sysenter, %edx       # by agreement: where SYSEXIT goes, and
    movl    $user_stack, %ecx           # on which stack
before_sysenter:
    sysenter
after_sysenter:
    int     $FINISH

syscall_entry:
    pushfq                              # still on the user's stack
    popq    %rbx
    CHECK_EQ %ecx, $after_syscall, "SYSCALL: RCX has the way back"
    CHECK_EQ %r11d, $(FLAG_FIXED|FLAG_IF|FLAG_CF), "R11 has RFLAGS as they were"
    CHECK_EQ %ebx, $FLAG_FIXED, "RFLAGS lost what FMASK names: IF and CF"
    CHECK_EQ %esp, $user_stack, "RSP is still the user's"
    movl    %cs, %eax
    CHECK_EQ %eax, $KERNEL_CODE64, "CS is STAR[47:32]"
    movl    %ss, %eax
    CHECK_EQ %eax, $KERNEL_DATA, "SS is the descriptor behind it"
    sysretq

sysenter_entry:
    pushfq
    popq    %rax
    CHECK_EQ %esi, $(USER_CODE64|3), "SYSRET: CS is STAR[63:48] + 16, in ring 3"
    CHECK_EQ %edi, $(USER_DATA|3), "SS is STAR[63:48] + 8"
    CHECK_EQ %bl, $1, "RFLAGS came back from R11", b
    testl   $FLAG_IF, %eax
    CHECK_IF z, "SYSENTER: IF is clear"
    CHECK_EQ %esp, $sysenter_stack, "RSP is SYSENTER_ESP"
    movl    %cs, %eax
    CHECK_EQ %eax, $KERNEL_CODE64, "CS is SYSENTER_CS"
    movl    %ss, %eax
    CHECK_EQ %eax, $KERNEL_DATA, "SS is SYSENTER_CS + 8"
    sysexitq

finish:
    CHECK_EQ 0(%rsp), $(after_sysenter+2), "SYSEXIT: RIP was RDX"
    CHECK_EQ 8(%rsp), $(USER_CODE64|3), "CS is SYSENTER_CS + 32, in ring 3"
    CHECK_EQ 24(%rsp), $user_stack, "RSP was RCX"
    CHECK_EQ 32(%rsp), $(USER_DATA64|3), "SS is SYSENTER_CS + 40"
    POWER_OFF

undefined:
    CHECK_EQ 0(%rsp), $before_sysenter, "only SYSENTER may be undefined"
    xorl    %eax, %eax
    cpuid
    CHECK_EQ %ebx, $0x68747541, "and only on AMD's processors (CPUID says Auth...)"
    POWER_OFF

    STACK   sysenter_stack
    STACK   user_stack
