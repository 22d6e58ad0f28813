/*
 * EL0 (DDI0487 D1.10): user code on its own stack, interrupted and resumed, that comes back by SVC. What arrives from
 * EL0 has vectors of its own, and EL0 cannot keep interrupts out.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   user_sync=system_call, user_irq=handler
    GIC_INIT
    GIC_ENABLE SPI(8)
    STACK   user_stack
    ENTER_USER user, user_stack

user:                                   // EL0t; with the MMU off it may use all memory and devices
    ldr     x10, =(GICD+GICD_ISPENDR+4)
    mov     w11, #(1<<8)
    mov     x19, #0
    str     w11, [x10]                  // SPI 8, from user code
wait:
    cbz     x19, wait
    mov     x12, sp
    mov     x13, #0x5555
    svc     #7
after_svc:
    mov     x13, #0xAAAA
no_mask:
    msr     daifset, #DAIF_I            // not EL0's to decide
    b       .

handler:
    mrs     x20, spsr_el1
    mrs     x21, elr_el1
    mrs     x22, CurrentEL
    IRQ_ENTER
    mov     x23, sp
    GIC_ACK x19
    GIC_EOI x19
    IRQ_LEAVE

system_call:
    mrs     x24, esr_el1
    lsr     x25, x24, #ESR_EC_SHIFT
    cmp     x25, #EC_SYSREG
    b.eq    finish
    mrs     x26, elr_el1
    mrs     x27, spsr_el1
    mov     x28, x13
    eret

finish:
    mrs     x9, elr_el1
    CHECK_EQ x19, SPI(8), "EL0 is interrupted"
    ldr     x0, =(PSTATE_DAIF|SPSR_M)
    and     x20, x20, x0
    and     x27, x27, x0
    CHECK_EQ x20, EL0T, "SPSR: it ran in EL0 with nothing masked"
    CHECK_EQ x22, (1<<2), "the handler runs in EL1"
    CHECK_EQ x23, (stack-64), "on the stack of EL1"
    CHECK_EQ x12, user_stack, "the user's is as it was"
    ldr     x0, =user
    sub     x21, x21, x0
    cmp     x21, #(after_svc - user)
    CHECK_IF lo, "ELR is within the user's code"
    CHECK_EQ x26, after_svc, "SVC returns to what follows it"
    CHECK_EQ x27, EL0T, "to EL0"
    CHECK_EQ x28, 0x5555, "with the user's registers as arguments"
    CHECK_EQ x13, 0xAAAA, "and goes on there"
    CHECK_EQ x9, no_mask, "EL0 cannot mask interrupts: MSR DAIFSet traps"
    POWER_OFF
