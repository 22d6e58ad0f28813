/* A network card whose driver is interrupted for each packet, or asks, or does both. */
#include "arm/guest.h"
#include "virt/gicv2.inc"
#include "nic.h"

#define ALWAYS_INTERRUPTS 0
#define BOTH    1
#define ALWAYS_ASKS 2
#ifdef FIXED
#define MODE    BOTH
#else
#define MODE    ALWAYS_INTERRUPTS
#endif
#define PACKETS 200
#define ENTRIES 256
#define BYTES   64
#define PIECE   450                     /* rounds of the program's work between two looks at the card */
#define ENTRY   200                     /* rounds of what an interrupt costs, whatever it is for */
#define READ    50                      /* rounds of what a read of the card costs */
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
    MOV32   r5, NIC                     // R5 to R8 are the same everywhere
    MOV32   r6, taken
    MOV32   r7, asks
    LOAD    r8, mode
    mov     r0, #1
    mov     r1, #NIC_RECEIVE
    str     r1, [r5, #NIC_CONTROL]
    str     r0, [r7]
    cmp     r8, #ALWAYS_ASKS
    beq     begin
    mov     r0, #0
    mov     r1, #(NIC_RECEIVE+NIC_INTERRUPT)
    str     r1, [r5, #NIC_CONTROL]
    str     r0, [r7]
begin:
    cpsie   i
loop:
    mov     r9, #PIECE
1:
    subs    r9, r9, #1
    bne     1b
    MOV32   r10, pieces
    ldr     r9, [r10]
    add     r9, r9, #1
    str     r9, [r10]
    ldr     r9, [r6]
    cmp     r9, #PACKETS
    beq     over
    ldr     r10, [r7]
    cmp     r10, #0
    beq     loop
    str     r10, [r5, #NIC_STATUS]      // before it looks: what comes behind that sets it again
    bl      take
    ldr     r10, [r6]
    cmp     r9, r10
    bne     loop
    cmp     r8, #ALWAYS_ASKS
    beq     loop
    mov     r9, #0
    mov     r10, #(NIC_RECEIVE+NIC_INTERRUPT)
    str     r9, [r7]                    // nothing: from here on it interrupts again
    str     r10, [r5, #NIC_CONTROL]
    b       loop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    push    {r0, r4}
    mov     r1, #ENTRY
1:
    subs    r1, r1, #1
    bne     1b
    mov     r1, #1
    str     r1, [r5, #NIC_STATUS]
    cmp     r8, #ALWAYS_INTERRUPTS
    bne     quiet
    bl      take
    b       leave
quiet:
    mov     r2, #NIC_RECEIVE
    str     r2, [r5, #NIC_CONTROL]
    str     r1, [r7]
leave:
    pop     {r0, r4}
    GIC_EOI r0
    IRQ_LEAVE

take:                                   // what has come by now; uses up R0 to R4
    mov     r0, #READ
1:
    subs    r0, r0, #1
    bne     1b
    ldr     r3, [r5, #NIC_HEAD]
next:
    ldr     r0, [r6]
    cmp     r0, r3
    beq     1f
    and     r0, r0, #ENTRIES-1
    MOV32   r1, ring
    add     r1, r1, r0, lsl #4
    ldr     r1, [r1]
    mov     r2, #0
    mov     r0, #BYTES/4
2:
    ldr     r4, [r1], #4
    adds    r2, r2, r4
    adc     r2, r2, #0
    subs    r0, r0, #1
    bne     2b
    MOV32   r1, sum
    ldr     r4, [r1]
    add     r4, r4, r2
    str     r4, [r1]
    ldr     r0, [r6]
    add     r0, r0, #1
    str     r0, [r6]
    add     r0, r0, #ENTRIES
    str     r0, [r5, #NIC_TAIL]
    b       next
1:
    bx      lr

    .data
mode:
    .long   MODE
    VAR     asks
    VAR     pieces
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
