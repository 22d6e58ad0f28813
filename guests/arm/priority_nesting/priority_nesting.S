/*
 * Preemption (IHI0048 3.3): an interrupt comes through when its group priority is higher, that is lower in number, than
 * the running priority. GICC_RPR has that of the highest active one, FFh when none is. Acknowledging raises it, end of
 * interrupt lowers it again.
 */
#include "arm/guest.h"
#include "virt/gicv2.inc"

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
    GIC_RUNNING r0
    CHECK_EQ r0, 0xFF, "with nothing active the running priority is idle"

    MOV32   r4, return                  // what LOW, MIDDLE, HIGH and PEER call, once
    mov     r5, r4
    mov     r6, r4
    mov     r7, r4
    GIC_PEND LOW
    GIC_PEND HIGH
    GIC_PEND MIDDLE
    bl      window
    CHECK_ORDER "high /high middle /middle low /low", "those that wait are served by priority"

    MOV32   r4, pend_middle
    MOV32   r5, pend_high
    MOV32   r6, pend_low
    GIC_PEND LOW
    bl      window
    CHECK_ORDER "low middle high /high /middle /low low /low", "three nest, and one pending again waits for its own end"
    GIC_RUNNING r0
    CHECK_EQ r0, 0xFF, "the ends of all three bring back idle"

    STORE   (GICC+GICC_BPR), 4
    MOV32   r7, pend_middle
    GIC_PEND PEER
    bl      window
    CHECK_ORDER "peer /peer middle /middle", "binary point 4: what differs in bits 4:0 alone does not preempt"
    POWER_OFF

window:
    wfi
open:
    cpsie   i
    nop
    cpsid   i
return:
    bx      lr

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
    cmp     r0, #\id
    bne     .Lother\@
    NOTE    "\name"
    GIC_RUNNING r1
    cmp     r1, #\running
    beq     .Lright\@
    NOTE    "wrong-running-priority"
.Lright\@:
    mov     r1, \call
    MOV32   \call, return
    blx     r1
    NOTE    "/\name"
.Lother\@:
.endm

handler:
    IRQ_ENTER
    GIC_ACK r0
    SERVE   LOW, "low", 0xA0, r4
    SERVE   MIDDLE, "middle", 0x80, r5
    SERVE   HIGH, "high", 0x40, r6
    SERVE   PEER, "peer", 0x80, r7      // its group priority
    GIC_EOI r0
    IRQ_LEAVE
