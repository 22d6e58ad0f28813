/* vmm: arm64
 *
 * Where the board comes in, and the way from an interrupt into C and back.
 */

    .text
    .globl  _start
_start:                                 // EL1, interrupts masked, MMU off, no stack
    ldr     x0, =stack_top
    mov     sp, x0
    ldr     x0, =vectors
    msr     vbar_el1, x0
    bl      firmware
unexpected:
    wfi
    b       unexpected

    .balign 0x800
vectors:                                // DDI0487 D1.10.2: 16 entries of 80h bytes
    .rept   5
    b       unexpected
    .balign 0x80
    .endr
    b       irq_entry                   // 280h: an IRQ from EL1 with its own SP
    .balign 0x80
    .rept   10
    b       unexpected
    .balign 0x80
    .endr

irq_entry:                              // keeps what C may use: X0-X18, X30
    stp     x0, x1, [sp, #-160]!
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    bl      irq
    ldp     x18, x30, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #160
    eret

    .bss
    .balign 16
    .skip   8192
stack_top:
