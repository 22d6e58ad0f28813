/*
 * A string instruction is interrupted between its iterations (SDM 2B REP): RIP in the frame is the instruction itself,
 * RCX, RSI and RDI say how far it has come, and IRET simply goes on with it.
 */
#include "x86/guest.h"

#define LENGTH  0x40000
#define HZ      5000

    GUEST_LONG64
    IDT_GATE 0x20, tick

    movl    $source, %edi
    movl    $(LENGTH / 4), %ecx
fill:
    imull   $1664525, %eax              # a linear congruential sequence: no two places look alike
    addl    $1013904223, %eax
    stosl
    loop    fill

    PIT_PERIODIC HZ
    PIC_UNMASK 0
    movl    $source, %esi
    movl    $target, %edi
    movl    $LENGTH, %ecx
    sti
    nop                                 # the shadow of STI is no part of this lesson
copy:
    rep movsb
    cli

    CHECK_EQ %ecx, $0, "the copy ran to its end"
    cmpl    $0, halfway(%rip)
    CHECK_IF ne, "it was interrupted with RIP at the instruction and RCX between start and end"
    CHECK_EQ torn(%rip), $0, "RSI and RDI always agreed with RCX"
    movl    $source, %esi
    movl    $target, %edi
    movl    $LENGTH, %ecx
    repe cmpsb
    CHECK_IF e, "every byte is in its place"
    POWER_OFF

tick:
    pushq   %rax
    pushq   %rbx
    movl    $copy, %eax
    cmpq    %rax, 16(%rsp)
    jne     ended
    cmpq    $LENGTH, %rcx
    jae     ended                       # before the first iteration
    incl    halfway(%rip)
    leaq    (%rsi, %rcx), %rbx
    movl    $(source + LENGTH), %eax
    cmpq    %rax, %rbx
    setne   %al
    orb     %al, torn(%rip)
    leaq    (%rdi, %rcx), %rbx
    movl    $(target + LENGTH), %eax
    cmpq    %rax, %rbx
    setne   %al
    orb     %al, torn(%rip)
ended:
    PIC_EOI
    popq    %rbx
    popq    %rax
    iretq

    VAR     halfway
    VAR     torn
    VAR     source, LENGTH
    VAR     target, LENGTH
