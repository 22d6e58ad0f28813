/*
 * USR mode (DDI0406 B1.3): user code on its own stack, interrupted and resumed, that comes back by SVC. It cannot keep
 * interrupts out: CPS and MSR CPSR_c do nothing there.
 */
#include "arm/guest.h"
#include "virt/gicv3.inc"

    GUEST   svc=system_call, irq=handler
    GIC_INIT
    GIC_ENABLE SPI(8)
    mov     r4, #0                      // interrupts taken
    STACK   user_stack
    ENTER_USER user, user_stack

user:                                   // with the MMU off it may use all memory and devices
    MOV32   r10, (GICD+GICD_ISPENDR+4)
    mov     r11, #(1<<8)
    str     r11, [r10]                  // SPI 8, from user code
first:
    cmp     r4, #1
    blo     first
    cpsid   i                           // not USR's to decide
    str     r11, [r10]
second:
    cmp     r4, #2
    blo     second
    mrs     r9, cpsr
    mov     r8, #0x55
    mov     lr, #0x77
    svc     #7
after_svc:
    mov     r11, sp
    mov     r12, lr
    svc     #8

handler:
    sub     r6, lr, #4
    mrs     r5, spsr
    IRQ_ENTER
    GIC_ACK r7
    add     r4, r4, #1
    GIC_EOI r7
    IRQ_LEAVE

system_call:
    ldrb    r0, [lr, #-4]
    cmp     r0, #8
    beq     finish
    mov     r10, lr
    mrs     r2, spsr
    mov     r3, r8
    movs    pc, lr

finish:
    CHECK_EQ r7, SPI(8), "USR mode is interrupted"
    and     r5, r5, #(MODE_MASK|PSR_I|PSR_F)
    CHECK_EQ r5, MODE_USR, "SPSR_irq: it ran in USR mode with nothing masked"
    MOV32   r0, user
    sub     r6, r6, r0
    cmp     r6, #(after_svc-user)
    CHECK_IF lo, "LR_irq is within the user's code"
    CHECK_EQ r4, 2, "CPSID in USR mode keeps no interrupt out"
    and     r9, r9, #(MODE_MASK|PSR_I|PSR_F)
    CHECK_EQ r9, MODE_USR, "CPSR there shows nothing masked"
    CHECK_EQ r10, after_svc, "LR_svc is what follows the SVC"
    and     r2, r2, #(MODE_MASK|PSR_I|PSR_F)
    CHECK_EQ r2, MODE_USR, "SPSR_svc is USR mode"
    CHECK_EQ r3, 0x55, "the user's registers are its arguments"
    CHECK_EQ r11, user_stack, "the user's SP is its own"
    CHECK_EQ r12, 0x77, "and so is its LR, two IRQs and an SVC later"
    mrs     r0, cpsr
    and     r0, r0, #(MODE_MASK|PSR_I)
    CHECK_EQ r0, (MODE_SVC|PSR_I), "SVC is taken in SVC mode with IRQ masked"
    POWER_OFF
