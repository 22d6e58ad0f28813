/* A network card that collects packets before it interrupts. */
#include "arm/guest.h"
#include "virt/gicv2.inc"
#include "nic.h"

#ifdef FIXED
#define COUNT   7                       /* packets for one interrupt */
#else
#define COUNT   8
#endif
#define QUIET   12                      /* or so many microseconds without one */
#define PACKETS 100
#define ENTRIES 32
#define BYTES   384
#define ENTRY   400                     /* rounds of what an interrupt costs, whatever it is for */
#define NETWORK SPI(4)

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE NETWORK
    MOV32   r0, ring
    MOV32   r1, buffers
    mov     r2, #BYTES
    mov     r3, #ENTRIES
fill:
    str     r2, [r0, #4]
    str     r1, [r0], #16
    add     r1, r1, r2
    subs    r3, r3, #1
    bne     fill
    STORE   (NIC+NIC_ENTRIES), ENTRIES
    STORE   (NIC+NIC_RING), ring
    STORE   (NIC+NIC_TAIL), ENTRIES
    STORE   (NIC+NIC_TIMER), QUIET
    MOV32   r4, NIC
    MOV32   r5, taken
    MOV32   r6, progress
    LOAD    r0, count
    str     r0, [r4, #NIC_COUNT]
    STORE   (NIC+NIC_CONTROL), (NIC_RECEIVE+NIC_INTERRUPT)
    cpsie   i
    mov     r7, #0
loop:
    add     r7, r7, #1
    ldr     r8, [r5]
    cmp     r8, #PACKETS
    blo     loop
    str     r7, [r6]
    POWER_OFF

handler:                                // R4 to R6 are as the program has them
    IRQ_ENTER
    GIC_ACK r0
    push    {r0, r7, r8, r9}
    mov     r0, #1
    str     r0, [r4, #NIC_STATUS]
    ldr     r3, [r4, #NIC_HEAD]         // those that have come by now
    mov     r0, #ENTRY
1:
    subs    r0, r0, #1
    bne     1b
next:
    ldr     r0, [r5]
    cmp     r0, r3
    beq     last
    and     r0, r0, #ENTRIES-1
    MOV32   r1, ring
    add     r1, r1, r0, lsl #4
    ldr     r1, [r1]
    mov     r2, #0
    mov     r7, #BYTES/4
1:
    ldr     r8, [r1], #4
    adds    r2, r2, r8
    adc     r2, r2, #0
    subs    r7, r7, #1
    bne     1b
    MOV32   r1, sum
    ldr     r8, [r1]
    add     r8, r8, r2
    str     r8, [r1]
    ldr     r0, [r5]
    add     r0, r0, #1
    str     r0, [r5]
    add     r0, r0, #ENTRIES
    str     r0, [r4, #NIC_TAIL]         // its buffer is the card's again
    b       next
last:
    pop     {r0, r7, r8, r9}
    GIC_EOI r0
    IRQ_LEAVE

    .data
count:
    .long   COUNT
    VAR     progress
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
