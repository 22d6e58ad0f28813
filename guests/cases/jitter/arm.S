/* A clock's interrupt and a network's, on one core or on two. */
#include "arm/guest.h"
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
1:
    LOAD    r0, ready
    cmp     r0, #0
    beq     1b
sleep:
    wfi
    cpsie   i
    isb
    cpsid   i
    LOAD    r0, ticks
    cmp     r0, #TICKS
    blo     sleep
    POWER_OFF

second:
    CPU_ENTRY second_stack
    CPU_STACK second_stack
    GIC_CPU_INIT 1
    STORE   ready, 1
second_sleep:
    wfi
    cpsie   i
    isb
    cpsid   i
    b       second_sleep

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, #CLOCK
    beq     tick
    mov     r1, #WORK
1:
    subs    r1, r1, #1
    bne     1b
    GIC_EOI r0
    IRQ_LEAVE
tick:
    INCREMENT ticks                     // and the motor's step
    GIC_EOI r0
    IRQ_LEAVE

    VAR     ready
    VAR     ticks
