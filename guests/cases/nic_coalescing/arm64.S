/* A network card that collects packets before it interrupts. */
#include "arm64/guest.h"
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
    ldr     x0, =ring
    ldr     x1, =buffers
    mov     w2, #BYTES
    mov     w3, #ENTRIES
fill:
    stp     w1, w2, [x0], #16
    add     x1, x1, x2
    subs    w3, w3, #1
    b.ne    fill
    STORE   (NIC+NIC_ENTRIES), ENTRIES
    STORE   (NIC+NIC_RING), ring
    STORE   (NIC+NIC_TAIL), ENTRIES
    STORE   (NIC+NIC_TIMER), QUIET
    ldr     x4, =NIC
    ldr     x5, =taken
    ldr     x6, =progress
    LOAD    x0, count
    str     w0, [x4, #NIC_COUNT]
    STORE   (NIC+NIC_CONTROL), (NIC_RECEIVE+NIC_INTERRUPT)
    msr     daifclr, #DAIF_I
    mov     w7, #0
loop:
    add     w7, w7, #1
    ldr     w8, [x5]
    cmp     w8, #PACKETS
    b.lo    loop
    str     w7, [x6]
    POWER_OFF

handler:                                // X4 to X6 are as the program has them
    IRQ_ENTER
    GIC_ACK x0
    PUSH    x0, x7
    PUSH    x8, x9
    mov     w0, #1
    str     w0, [x4, #NIC_STATUS]
    ldr     w3, [x4, #NIC_HEAD]         // those that have come by now
    mov     w0, #ENTRY
1:
    subs    w0, w0, #1
    b.ne    1b
next:
    ldr     w0, [x5]
    cmp     w0, w3
    b.eq    last
    and     w0, w0, #ENTRIES-1
    ldr     x1, =ring
    add     x1, x1, x0, lsl #4
    ldr     w1, [x1]
    mov     w2, #0
    mov     w7, #BYTES/4
1:
    ldr     w8, [x1], #4
    adds    w2, w2, w8
    adc     w2, w2, wzr
    subs    w7, w7, #1
    b.ne    1b
    ldr     x1, =sum
    ldr     w8, [x1]
    add     w8, w8, w2
    str     w8, [x1]
    ldr     w0, [x5]
    add     w0, w0, #1
    str     w0, [x5]
    add     w0, w0, #ENTRIES
    str     w0, [x4, #NIC_TAIL]         // its buffer is the card's again
    b       next
last:
    POP     x8, x9
    POP     x0, x7
    GIC_EOI x0
    IRQ_LEAVE

    .data
count:
    .long   COUNT
    VAR     progress
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
