/* vmm: arm
 *
 * Where the board comes in, and the way from an interrupt into C and back.
 */

    .text
    .arm
    .globl  _start
_start:                                 // SVC mode, interrupts masked, MMU off, no stack
    cps     #0x12                       // IRQ mode has an SP of its own
    ldr     sp, =irq_stack_top
    cps     #0x13
    ldr     sp, =stack_top
    ldr     r0, =vectors
    mcr     p15, 0, r0, c12, c0, 0      // VBAR
    isb
    bl      firmware
unexpected:
    wfi
    b       unexpected

    .balign 32
vectors:                                // DDI0406 B1.8.1
    .rept   6
    b       unexpected
    .endr
    b       irq_entry
    b       unexpected

irq_entry:                              // keeps what C may use
    sub     lr, lr, #4                  // DDI0406 B1.8.3: an IRQ's LR is 4 too far
    push    {r0-r3, r12, lr}
    bl      irq
    ldm     sp!, {r0-r3, r12, pc}^      // and CPSR from SPSR

    .bss
    .balign 16
    .skip   4096
irq_stack_top:
    .skip   4096
stack_top:
