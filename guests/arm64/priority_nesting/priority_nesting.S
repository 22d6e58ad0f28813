/*
 * Preemption (IHI0069 4.8): an interrupt comes through when its group priority is higher, that is lower in number, than
 * the running priority. ICC_RPR_EL1 has that of the highest active one, FFh when none is. Acknowledging raises it, end
 * of interrupt lowers it again.
 */
#include "arm64/guest.h"
#include "virt/gicv3.inc"

#define LOW     SPI(8)
#define MIDDLE  SPI(9)
#define HIGH    SPI(10)
#define PEER    SPI(11)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE LOW
    GIC_ENABLE MIDDLE
    GIC_ENABLE HIGH
    GIC_ENABLE PEER
    GIC_PRIORITY LOW, 0xA0
    GIC_PRIORITY MIDDLE, 0x80
    GIC_PRIORITY HIGH, 0x40
    GIC_PRIORITY PEER, 0x90
    GIC_RUNNING x0
    CHECK_EQ x0, 0xFF, "with nothing active the running priority is idle"

    ldr     x19, =return                // what LOW, MIDDLE, HIGH and PEER call, once
    mov     x20, x19
    mov     x21, x19
    mov     x22, x19
    GIC_PEND LOW
    GIC_PEND HIGH
    GIC_PEND MIDDLE
    bl      window
    CHECK_ORDER "high /high middle /middle low /low", "those that wait are served by priority"

    ldr     x19, =pend_middle
    ldr     x20, =pend_high
    ldr     x21, =pend_low
    GIC_PEND LOW
    bl      window
    CHECK_ORDER "low middle high /high /middle /low low /low", "three nest, and one pending again waits for its own end"
    GIC_RUNNING x0
    CHECK_EQ x0, 0xFF, "the ends of all three bring back idle"

    SYS_SET 5, ICC_BPR1
    isb
    ldr     x22, =pend_middle
    GIC_PEND PEER
    bl      window
    CHECK_ORDER "peer /peer middle /middle", "binary point 5: what differs in bits 4:0 alone does not preempt"
    POWER_OFF

window:
    wfi
open:
    msr     daifclr, #DAIF_I
    nop
    msr     daifset, #DAIF_I
return:
    ret

pend_low:
    GIC_PEND LOW
    b       open
pend_middle:
    GIC_PEND MIDDLE
    b       open
pend_high:
    GIC_PEND HIGH
    b       open

.macro SERVE id, name, running, call
    cmp     x0, #\id
    b.ne    .Lother\@
    NOTE    "\name"
    GIC_RUNNING x1
    cmp     x1, #\running
    b.eq    .Lright\@
    NOTE    "wrong-running-priority"
.Lright\@:
    mov     x1, \call
    ldr     \call, =return
    blr     x1
    NOTE    "/\name"
.Lother\@:
.endm

handler:
    IRQ_ENTER
    GIC_ACK x0
    SERVE   LOW, "low", 0xA0, x19
    SERVE   MIDDLE, "middle", 0x80, x20
    SERVE   HIGH, "high", 0x40, x21
    SERVE   PEER, "peer", 0x80, x22     // its group priority
    GIC_EOI x0
    IRQ_LEAVE
