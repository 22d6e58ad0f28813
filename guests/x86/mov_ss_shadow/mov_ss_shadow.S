/*
 * The shadow of MOV SS and POP SS: nothing interrupts between them and the instruction behind, which is there to load
 * the stack pointer (SDM 2B MOV, 3A 6.8.3). What waits for IF cannot show it, for STI has a shadow of its own; so the
 * timer shoots at a loop from many distances, the handler counts the instruction each interrupt came before, and one
 * place must stay empty.
 */
#include "x86/guest.h"

#define SAMPLES 120
#define NEAREST 20                      /* timer clocks to the earliest shot */
#define PLACES  32                      /* a loop has fewer bytes */

/* EAX = how often the interrupt came right before `place`, while `loop` ran. */
.macro HITS loop, place
    movl    hits + 4 * (\place - \loop), %eax
.endm

    GUEST_PROTECTED32
    IDT_GATE 0x20, shot
    IDT_GATE VECTOR_DB, step
    PIC_UNMASK 0
    movw    %ss, %si

    movl    $mov_loop, %ebx
    call    sample
    HITS    mov_loop, mov_shadow
    CHECK_EQ %eax, $0, "no interrupt comes between MOV SS and the next instruction"
    HITS    mov_loop, mov_after
    testl   %eax, %eax
    CHECK_IF nz, "one that is due there comes after the next instruction"

    movl    $pop_loop, %ebx
    call    sample
    HITS    pop_loop, pop_shadow
    CHECK_EQ %eax, $0, "no interrupt comes between POP SS and the next instruction"
    HITS    pop_loop, pop_after
    testl   %eax, %eax
    CHECK_IF nz, "it waits for one instruction only"

    movl    $lss_loop, %ebx
    call    sample
    HITS    lss_loop, lss_after
    testl   %eax, %eax
    CHECK_IF nz, "LSS has no shadow: it loads the stack pointer itself"

    movl    $twice_loop, %ebx
    call    sample
    HITS    twice_loop, twice_shadow
    CHECK_EQ %eax, $0, "no interrupt comes between two MOV SS"
    HITS    twice_loop, twice_after
    testl   %eax, %eax
    CHECK_IF nz, "the second MOV SS does not extend the shadow"

    movl    $mov_step, %ebx
    call    clear
    pushl   $(FLAG_FIXED | FLAG_TF)
    popf
mov_step:
    movw    %si, %ss
mov_step_shadow:
    nop
mov_step_after:
    pushl   $FLAG_FIXED
    popf
    HITS    mov_step, mov_step_shadow
    CHECK_EQ %eax, $0, "the single-step trap after MOV SS is lost"
    HITS    mov_step, mov_step_after
    CHECK_EQ %eax, $1, "the next instruction is stepped again"

    movl    $lss_step, %ebx
    call    clear
    movl    %esp, far_stack
    movw    %ss, far_stack + 4
    pushl   $(FLAG_FIXED | FLAG_TF)
    popf
lss_step:
    lss     far_stack, %esp
lss_step_after:
    pushl   $FLAG_FIXED
    popf
    HITS    lss_step, lss_step_after
    CHECK_EQ %eax, $1, "LSS is stepped like any instruction"
    POWER_OFF

mov_loop:
    movw    %si, %ss
mov_shadow:
    nop
mov_after:
    jmp     mov_loop

pop_loop:
    pushl   %esi
    popl    %ss
pop_shadow:
    nop
pop_after:
    jmp     pop_loop

lss_loop:
    lss     far_stack, %esp
lss_after:
    nop
    jmp     lss_loop

twice_loop:
    movw    %si, %ss
twice_shadow:
    movw    %si, %ss
twice_after:
    nop
    jmp     twice_loop

/* Shoot SAMPLES times at the loop in EBX. */
sample:
    call    clear
    movl    $SAMPLES, left
    movl    %esp, far_stack
    movw    %ss, far_stack + 4
    movl    $(NEAREST + SAMPLES), %eax
    PIT_ONCE
    sti
    jmp     *%ebx

shot:
    movl    (%esp), %ecx
    subl    %ebx, %ecx
    incl    hits(, %ecx, 4)
    PIC_EOI
    decl    left
    jz      sampled
    movl    left, %eax
    addl    $NEAREST, %eax
    PIT_ONCE
    iret
sampled:
    movl    far_stack, %esp
    ret

step:
    pushl   %ecx
    movl    4(%esp), %ecx
    subl    %ebx, %ecx
    incl    hits(, %ecx, 4)
    popl    %ecx
    iret

clear:
    movl    $hits, %edi
    movl    $PLACES, %ecx
    xorl    %eax, %eax
    rep stosl
    ret

    VAR     hits, 4*PLACES
    VAR     left
    VAR     far_stack, 6
