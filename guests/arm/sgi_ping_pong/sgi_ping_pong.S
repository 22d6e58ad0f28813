/*
 * Two CPUs play ping-pong with software-generated interrupts (IHI0048 2.2.1, 4.3.15): the first serves with SGI 1, the
 * second answers with SGI 2. An SGI's acknowledge names its sender. PSCI CPU_ON starts the second (DEN0022 5.1.4).
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define ROUNDS  100
#define PING    SGI(1)
#define PONG    SGI(2)
#define FROM(cpu) (cpu<<10)             /* of IAR */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE PONG
    mov     r4, #0                      // SGIs taken, and what others were
    mov     r5, #0
    MOV32   r6, (PONG|FROM(1))          // the one this CPU waits for
    CPU_ON  1, second
    CHECK_EQ r0, 0, "PSCI starts the second CPU"
    MOV32   r10, ready
until_ready:
    ldr     r0, [r10]
    cmp     r0, #0
    beq     until_ready
    dmb
    CPU_ON  1, second
    CHECK_EQ r0, PSCI_ALREADY_ON, "but not twice: ALREADY_ON"

serve:
    mov     r7, r4
    GIC_SGI PING, 1
returned:
    wfi
    cpsie   i
    cpsid   i
    cmp     r4, r7
    beq     returned
    cmp     r4, #ROUNDS
    blo     serve
    CHECK_EQ r4, ROUNDS, "every ball comes back once"
    CHECK_EQ r5, 0, "as the SGI it was sent as, and from its sender"
    CHECK_AT answers, ROUNDS, "the second CPU has taken as many"
    CHECK_AT second_affinity, 1, "its affinity is the next"
    POWER_OFF

second:
    CPU_ENTRY second_stack
    CPU_STACK second_stack
    GIC_CPU_INIT 1
    GIC_ENABLE PING                     // SGIs' registers are banked: each CPU sees its own
    SYS_READ r0, MPIDR
    and     r0, r0, #0xFF
    STORE_REG second_affinity, r0
    mov     r4, #0
    mov     r5, #0
    MOV32   r6, (PING|FROM(0))
    dmb
    STORE   ready, 1
answer:
    mov     r7, r4
waiting:
    wfi
    cpsie   i
    cpsid   i
    cmp     r4, r7
    beq     waiting
    STORE_REG answers, r4
    dsb                                 // before the ball is seen
    GIC_SGI PONG, 0
    b       answer

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, r6
    addne   r5, r5, #1
    add     r4, r4, #1
    GIC_EOI r0
    IRQ_LEAVE

    VAR     ready
    VAR     answers
    VAR     second_affinity
