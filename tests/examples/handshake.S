/* Two CPUs: the first sends SGI 1, the second takes it and answers with SGI 2 (IHI0048 2.2.1). */
#include "arm/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=answered
    GIC_INIT
    GIC_ENABLE SGI(2)
    CPU_ON  1, second
    MOV32   r4, ready
1:  ldr     r0, [r4]
    cmp     r0, #0
    beq     1b
send:
    GIC_SGI SGI(1), 1
    wfi
    cpsie   i
1:  b       1b

second:
    CPU_ENTRY second_stack
    CPU_STACK second_stack
    GIC_CPU_INIT 1
    GIC_ENABLE SGI(1)
    STORE   ready, 1
    wfi                                 // until it is pending, masked or not
    GIC_ACK r0
    GIC_EOI r0
    GIC_SGI SGI(2), 0
1:  wfi
    b       1b

answered:
    GIC_ACK r0
    GIC_EOI r0
    POWER_OFF

    VAR     ready
