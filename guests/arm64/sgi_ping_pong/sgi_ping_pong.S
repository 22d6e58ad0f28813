/*
 * Two CPUs play ping-pong with software-generated interrupts (IHI0069, ICC_SGI1R_EL1): the first serves with SGI 1,
 * the second answers with SGI 2. PSCI CPU_ON starts the second (DEN0022 5.1.4).
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define ROUNDS  100
#define PING    SGI(1)
#define PONG    SGI(2)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE PONG
    mov     x19, #0                     // SGIs taken, and what others were
    mov     x20, #0
    mov     x21, #PONG                  // the one this CPU waits for
    CPU_ON  1, second
    CHECK_EQ x0, 0, "PSCI starts the second CPU"
    ldr     x10, =ready
until_ready:
    ldar    w0, [x10]
    cbz     w0, until_ready
    CPU_ON  1, second
    CHECK_EQ x0, PSCI_ALREADY_ON, "but not twice: ALREADY_ON"

serve:
    mov     x22, x19
    GIC_SGI PING, 1
returned:
    wfi
    msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
    cmp     x19, x22
    b.eq    returned
    cmp     x19, #ROUNDS
    b.lo    serve
    CHECK_EQ x19, ROUNDS, "every ball comes back once"
    CHECK_EQ x20, 0, "as the SGI it was sent as"
    CHECK_AT answers, ROUNDS, "the second CPU has taken as many"
    CHECK_AT second_affinity, 1, "its affinity is the next"
    POWER_OFF

second:
    CPU_ENTRY second_stack
    STACK   second_stack
    GIC_CPU_INIT 1
    STORE   (GICR+GICR_STRIDE+GICR_SGI+GICD_ISENABLER), (1<<PING)
    mrs     x0, mpidr_el1
    and     x0, x0, #0xFF
    STORE_REG second_affinity, x0
    mov     x19, #0
    mov     x20, #0
    mov     x21, #PING
    ldr     x10, =ready
    mov     w0, #1
    stlr    w0, [x10]
answer:
    mov     x22, x19
waiting:
    wfi
    msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
    cmp     x19, x22
    b.eq    waiting
    STORE_REG answers, x19
    dsb     sy                          // before the ball is seen
    GIC_SGI PONG, 0
    b       answer

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, x21
    cinc    x20, x20, ne
    add     x19, x19, #1
    GIC_EOI x0
    IRQ_LEAVE

    VAR     ready
    VAR     answers
    VAR     second_affinity
