/* A clock's interrupt and a network's, on one core or on two. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define TICKS   100
#define WORK    500                     /* rounds of the network's handler */
#ifdef FIXED
#define AFFINITY 2                      /* a bit for each core that has the network's interrupts */
#else
#define AFFINITY 1
#endif
#define NETWORK SPI(5)
#define CLOCK   SPI(6)

    GUEST   irq=handler
    GIC_INIT
    GIC_PRIORITY CLOCK, 0x40
    GIC_PRIORITY NETWORK, 0x80
    GIC_ENABLE CLOCK
    GIC_ENABLE NETWORK
    STORE_BYTE (GICD+GICD_ITARGETSR+NETWORK), AFFINITY
    CPU_ON  1, second
    ldr     x9, =ready
1:
    ldar    w0, [x9]
    cbz     w0, 1b
sleep:
    wfi
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    LOAD    x0, ticks
    cmp     w0, #TICKS
    b.lo    sleep
    POWER_OFF

second:
    CPU_ENTRY second_stack
    STACK   second_stack
    GIC_CPU_INIT 1
    ldr     x9, =ready
    mov     w0, #1
    stlr    w0, [x9]
second_sleep:
    wfi
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       second_sleep

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, #CLOCK
    b.eq    tick
    mov     x1, #WORK
1:
    subs    x1, x1, #1
    b.ne    1b
    GIC_EOI x0
    IRQ_LEAVE
tick:
    INCREMENT ticks                     // and the motor's step
    GIC_EOI x0
    IRQ_LEAVE

    VAR     ready
    VAR     ticks
