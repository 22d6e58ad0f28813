/*
 * Virtual-8086 mode (SDM 3B 20.2, 20.3): real-mode code as a task of ring 3. An interrupt pushes GS, FS, DS and ES
 * before the usual frame and loads null into them; IRET with VM in the frame brings them back. INT n needs IOPL 3.
 */
#include "x86/guest.h"

#define FROM_VM86   0x80
#define VM86_SP     0x7000
#define VM86_FLAGS  (FLAG_FIXED|FLAG_VM|FLAG_IF)

    GUEST_PROTECTED32
    COPY_REAL
    IDT_GATE 0x25, hardware
    IDT_GATE FROM_VM86, from_vm86, INTERRUPT_GATE, 3
    IDT_GATE VECTOR_GP, protection
    PIC_UNMASK 5
    RAISE   5
    pushl   $0x6666                     # GS
    pushl   $0x5555                     # FS
    pushl   $0x3333                     # DS
    pushl   $0x0EEE                     # ES
    pushl   $0x0010                     # SS
    pushl   $VM86_SP
    pushl   $(VM86_FLAGS|FLAG_IOPL3)
    pushl   $0                          # CS
    pushl   $vm86_code
    iret

hardware:
    movw    %ds, %ax
    movw    %es, %bx
    movw    %fs, %cx
    movw    %gs, %dx
    call    kernel_data
    CHECK_EQ %esp, $(kernel_stack-36), "an interrupt in VM86 mode pushes nine words on the ring 0 stack"
    CHECK_EQ 0(%esp), $vm86_code, "EIP of the first instruction in VM86 mode"
    CHECK_EQ 4(%esp), $0, "its CS, as real mode would have it"
    CHECK_EQ 8(%esp), $(VM86_FLAGS|FLAG_IOPL3), "its EFLAGS, with VM set"
    CHECK_EQ 12(%esp), $VM86_SP, "its ESP"
    CHECK_EQ 16(%esp), $0x0010, "its SS"
    CHECK_EQ 20(%esp), $0x0EEE, "its ES"
    CHECK_EQ 24(%esp), $0x3333, "its DS"
    CHECK_EQ 28(%esp), $0x5555, "its FS"
    CHECK_EQ 32(%esp), $0x6666, "its GS"
    orw     %bx, %ax
    orw     %cx, %ax
    orw     %dx, %ax
    CHECK_EQ %ax, $0, "DS, ES, FS and GS are null in the handler", w
    pushf
    popl    %eax
    testl   $(FLAG_VM | FLAG_IF), %eax
    CHECK_IF z, "VM and IF are clear in the handler"
    LOWER   5
    PIC_EOI 5
    iret

from_vm86:
    movl    %eax, %esi
    call    kernel_data
    CHECK_EQ %esi, $0x33330EEE, "back in VM86 mode DS and ES are what they were"
    CHECK_EQ 0(%esp), $after_int, "with IOPL 3 INT goes through the IDT to ring 0"
    andl    $~FLAG_IOPL3, 8(%esp)
    iret

protection:
    call    kernel_data
    CHECK_EQ 0(%esp), $0, "with IOPL 0 INT is #GP(0)"
    CHECK_EQ 4(%esp), $after_int, "and the monitor finds it at the frame's CS:IP"
    POWER_OFF

kernel_data:
    pushl   %eax
    movw    $KERNEL_DATA, %ax
    movw    %ax, %ds
    movw    %ax, %es
    popl    %eax
    ret

    .section .real, "awx", @progbits
    BITS    16
vm86_code:
    movw    %ds, %ax
    shll    $16, %eax
    movw    %es, %ax
    int     $FROM_VM86
after_int:
    int     $FROM_VM86
