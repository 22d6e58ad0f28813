/*
 * Lock deadlock: the handler spins on a lock that the interrupted program holds, and so waits for ever. FIXED: the
 * program keeps interrupts out while it holds the lock.
 */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x0, =lock
    ldr     x1, =shared
    mov     w2, #1
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    msr     daifset, #DAIF_I
#endif
    str     w2, [x0]
held:
    ldr     w3, [x1]
    add     w3, w3, #1
    str     w3, [x1]
unlock:
    str     wzr, [x0]
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
end:
    nop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    ldr     x1, =lock
spin:
    ldr     w2, [x1]
    cbnz    w2, spin
    INCREMENT shared
    GIC_EOI x0
    IRQ_LEAVE

    VAR     lock
    VAR     shared
