/*
 * Interrupts through task gates (SDM 3A 6.12.2, 7.3, 7.4): the handler is a task with a TSS of its own. The switch
 * saves everything in the old TSS, links back to it, sets NT and marks the new TSS busy; IRET with NT set goes back. An
 * error code goes on the new task's stack.
 */
#include "x86/guest.h"

#define IRQ_TASK        SPARE0
#define FAULT_TASK      SPARE1
#define BAD_SELECTOR    0xFFF8          /* beyond the GDT's limit */
#define CR0_TS          0x00000008

    GUEST_PROTECTED32
    SEGMENT IRQ_TASK, irq_tss, (TSS_SIZE-1), ACCESS_TSS
    SEGMENT FAULT_TASK, fault_tss, (TSS_SIZE-1), ACCESS_TSS
    IDT_TASK_GATE 0x25, IRQ_TASK
    IDT_TASK_GATE VECTOR_GP, FAULT_TASK
    PIC_UNMASK 5
    movl    $0x12345678, %esi

    RAISE   5
    sti
    nop
after_nop:
    cli
    CHECK_EQ taken, $1, "IRET with NT set comes back from the task"
    CHECK_EQ %esi, $0x12345678, "with the registers of the interrupted task"
    str     %ax
    CHECK_EQ %ax, $TSS, "and its task register", w
    CHECK_EQ gdt+IRQ_TASK+5, $ACCESS_TSS, "the handler's TSS is no longer busy", b
    pushf
    popl    %eax
    testl   $FLAG_NT, %eax
    CHECK_IF z, "NT is clear again"

    RAISE   5
    sti
    nop
    cli
    CHECK_EQ taken, $2, "the task goes on where its IRET left it, and serves the next interrupt"

    movw    $BAD_SELECTOR, %ax
bad_load:
    movw    %ax, %fs
after_load:
    CHECK_EQ taken, $3, "a fault's task can return, too"
    POWER_OFF

irq_task:
    incl    taken
    CHECK_EQ %esp, $irq_stack, "the task has its own stack, with nothing pushed"
    CHECK_EQ irq_tss+TSS_BACK_LINK, $TSS, "the new TSS links back to the old one", w
    CHECK_EQ gdt+IRQ_TASK+5, $(ACCESS_TSS|ACCESS_BUSY), "the new TSS is busy", b
    CHECK_EQ gdt+TSS+5, $(ACCESS_TSS|ACCESS_BUSY), "the old one stays busy: it is nested", b
    str     %ax
    CHECK_EQ %ax, $IRQ_TASK, "the task register has the new TSS", w
    pushf
    popl    %eax
    testl   $FLAG_NT, %eax
    CHECK_IF nz, "NT is set"
    movl    %cr0, %eax
    testl   $CR0_TS, %eax
    CHECK_IF nz, "CR0.TS is set"
    CHECK_EQ tss+TSS_ESI, $0x12345678, "the old TSS has the registers"
    testl   $FLAG_IF, tss+TSS_EFLAGS
    CHECK_IF nz, "and EFLAGS as they were, with IF set"
    LOWER   5
    PIC_EOI 5
    iret
    jmp     irq_task                    # the next interrupt resumes here

fault_task:
    incl    taken
    CHECK_EQ %esp, $(fault_stack-4), "an error code is on the new task's stack"
    CHECK_EQ 0(%esp), $BAD_SELECTOR, "it names the selector"
    CHECK_EQ tss+TSS_EIP, $bad_load, "the old TSS points at the faulting instruction"
    movl    $after_load, tss + TSS_EIP
    addl    $4, %esp
    iret

/* A task that starts at `entry`, interrupts off. */
.macro TASK name, entry, stack
\name:
    .skip   TSS_EIP
    .long   \entry, FLAG_FIXED
    .skip   TSS_ESP - TSS_EIP - 8
    .long   \stack
    .skip   TSS_ES - TSS_ESP - 4
    .long   USER_DATA | 3, KERNEL_CODE32, KERNEL_DATA, USER_DATA | 3, USER_DATA | 3, USER_DATA | 3
    .long   0                           # no LDT
    .word   0, TSS_SIZE                 # no I/O bitmap
.endm

    .data
    .balign 16
    TASK    irq_tss, irq_task, irq_stack
    .balign 16
    TASK    fault_tss, fault_task, fault_stack

    STACK   irq_stack
    STACK   fault_stack
    VAR     taken
