/*
 * Lock deadlock: the handler spins on a lock that the interrupted program holds, and so waits for ever. FIXED: the
 * program keeps interrupts out while it holds the lock.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    MOV32   r0, lock
    MOV32   r1, shared
    mov     r2, #1
    mov     r4, #0
    cpsie   i
begin:
#ifdef FIXED
    cpsid   i
#endif
    str     r2, [r0]
held:
    ldr     r3, [r1]
    add     r3, r3, #1
    str     r3, [r1]
unlock:
    str     r4, [r0]
#ifdef FIXED
    cpsie   i
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    MOV32   r1, lock
spin:
    ldr     r2, [r1]
    cmp     r2, #0
    bne     spin
    INCREMENT shared
    GIC_EOI r0
    IRQ_LEAVE

    VAR     lock
    VAR     shared
