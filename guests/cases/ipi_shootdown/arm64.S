/* One vCPU holds a lock and waits for an acknowledgement; the other waits for the lock, and acknowledges nothing. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define SHOOTDOWN SGI(1)
#define WORK     3000                   /* rounds of changing the tables */
#define PATIENCE 20000                  /* looks at the acknowledgement */

    GUEST   irq=forget
    GIC_INIT
    CPU_ON  1, other
    ldr     x4, =ready
until_ready:
    ldr     w0, [x4]
    cbz     w0, until_ready
    STORE   locked, 1
    ldr     w2, =WORK
change:
    subs    w2, w2, #1
    b.ne    change
send:
    GIC_SGI SHOOTDOWN, 1
    ldr     x4, =forgotten
    ldr     w2, =PATIENCE
until_forgotten:
    ldr     w0, [x4]
    cbnz    w0, all
    subs    w2, w2, #1
    b.ne    until_forgotten
    PRINT   "no acknowledgement\n"
    EXIT    1
all:
    STORE   locked, 0
    POWER_OFF

other:
    CPU_ENTRY other_stack
    STACK   other_stack
    GIC_CPU_INIT 1
    STORE   (GICD+GICD_ISENABLER), (1<<SHOOTDOWN)
    msr     daifclr, #DAIF_I
    STORE   ready, 1
    ldr     x4, =locked
until_locked:
    ldr     w0, [x4]
    cbz     w0, until_locked
    msr     daifset, #DAIF_I
spin:
    ldaxr   w0, [x4]
    cbz     w0, mine
#ifdef FIXED
    msr     daifclr, #DAIF_I
#endif
    yield
    msr     daifset, #DAIF_I
    b       spin
mine:
    mov     w0, #1
    stxr    w1, w0, [x4]
    cbnz    w1, spin
    stlr    wzr, [x4]
asleep:
    wfi
    b       asleep

forget:
    IRQ_ENTER
    GIC_ACK x0
    tlbi    vmalle1
    dsb     nsh
    isb
    INCREMENT forgotten
    GIC_EOI x0
    IRQ_LEAVE

    VAR     ready
    VAR     locked
    VAR     forgotten
