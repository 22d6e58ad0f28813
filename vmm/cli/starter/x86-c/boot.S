/* vmm: x86
 *
 * Where the loader comes in, and the way from an interrupt into C and back.
 */

    .section .multiboot, "a"            /* Multiboot 0.6.96, 3.1: magic, flags, checksum */
    .align  4
    .long   0x1badb002, 0, -0x1badb002

    .text
    .globl  _start
_start:                                 /* flat 32-bit protected mode, interrupts off, no stack */
    movl    $stack_top, %esp
    lgdt    gdt_pointer
    ljmp    $8, $reload
reload:
    movw    $16, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    call    kernel
stop:
    cli
    hlt
    jmp     stop

    .globl  serial_entry
serial_entry:
    pushal
    cld
    call    serial_interrupt
    popal
    iret

    .section .rodata, "a"
    .align  8
gdt:
    .quad   0
    .quad   0x00cf9a000000ffff          /* 8: code, ring 0, 4 GiB */
    .quad   0x00cf92000000ffff          /* 10h: data */
gdt_pointer:
    .word   gdt_pointer - gdt - 1
    .long   gdt

    .bss
    .align  16
    .skip   8192
stack_top:
