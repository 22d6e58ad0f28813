/* One vCPU holds a lock and waits for an acknowledgement; the other waits for the lock, and acknowledges nothing. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define SHOOTDOWN SGI(1)
#define WORK     3000                   /* rounds of changing the tables */
#define PATIENCE 20000                  /* looks at the acknowledgement */

    GUEST   irq=forget
    GIC_INIT
    CPU_ON  1, other
    ldr     r4, =ready
until_ready:
    ldr     r0, [r4]
    cmp     r0, #0
    beq     until_ready
    STORE   locked, 1
    ldr     r2, =WORK
change:
    subs    r2, r2, #1
    bne     change
send:
    GIC_SGI SHOOTDOWN, 1
    ldr     r4, =forgotten
    ldr     r2, =PATIENCE
until_forgotten:
    ldr     r0, [r4]
    cmp     r0, #0
    bne     all
    subs    r2, r2, #1
    bne     until_forgotten
    PRINT   "no acknowledgement\n"
    EXIT    1
all:
    STORE   locked, 0
    POWER_OFF

other:
    CPU_ENTRY other_stack
    CPU_STACK other_stack
    GIC_CPU_INIT 1
    STORE   (GICD+GICD_ISENABLER), (1<<SHOOTDOWN)
    cpsie   i
    STORE   ready, 1
    ldr     r4, =locked
until_locked:
    ldr     r0, [r4]
    cmp     r0, #0
    beq     until_locked
    cpsid   i
spin:
    ldrex   r0, [r4]
    cmp     r0, #0
    beq     mine
#ifdef FIXED
    cpsie   i
#endif
    nop
    cpsid   i
    b       spin
mine:
    mov     r0, #1
    strex   r1, r0, [r4]
    cmp     r1, #0
    bne     spin
    mov     r0, #0
    dmb
    str     r0, [r4]
asleep:
    wfi
    b       asleep

forget:
    IRQ_ENTER
    GIC_ACK r0
    mcr     p15, 0, r0, c8, c7, 0       // TLBIALL
    dsb
    isb
    INCREMENT forgotten
    GIC_EOI r0
    IRQ_LEAVE

    VAR     ready
    VAR     locked
    VAR     forgotten
