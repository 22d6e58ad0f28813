/* A handler copies through a vector register that the interrupted program adds up in. */
#include "x86/guest.h"

#define CR0_MP      0x002
#define CR0_EM      0x004
#define CR4_OSFXSR  0x200

    GUEST_PROTECTED32
    movl    %cr0, %eax
    andl    $~CR0_EM, %eax
    orl     $CR0_MP, %eax
    movl    %eax, %cr0
    movl    %cr4, %eax
    orl     $CR4_OSFXSR, %eax
    movl    %eax, %cr4
    IDT_GATE 0x25, received             # IRQ 5
    PIC_UNMASK 5
    movl    $rows, %esi
    movl    $8, %ecx
    pxor    %xmm0, %xmm0
    sti
    nop                                 # the shadow of STI
begin:
    paddd   (%esi), %xmm0
    addl    $16, %esi
    loop    begin
    movaps  %xmm0, sum
end:
    POWER_OFF

received:
#ifdef FIXED
    subl    $16, %esp
    movups  %xmm0, (%esp)
#endif
    movups  message, %xmm0
    movups  %xmm0, taken
#ifdef FIXED
    movups  (%esp), %xmm0
    addl    $16, %esp
#endif
    PIC_EOI 5
    iret

    VAR     message, 16
    VAR     taken, 16
    VAR     sum, 16

    .section .rodata, "a", @progbits
    .balign 16
rows:
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8
    .long   \n, \n, \n, \n
    .endr
