/* A network card whose driver is interrupted for each packet, or asks, or does both. */
#include "arm64/guest.h"
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
    ldr     x19, =NIC                   // X19 to X25 are the same everywhere
    ldr     x20, =taken
    ldr     x21, =asks
    mov     w22, #NIC_RECEIVE
    mov     w23, #(NIC_RECEIVE+NIC_INTERRUPT)
    LOAD    x24, mode
    ldr     x25, =pieces
    mov     w0, #1
    str     w22, [x19, #NIC_CONTROL]
    str     w0, [x21]
    cmp     w24, #ALWAYS_ASKS
    b.eq    begin
    str     w23, [x19, #NIC_CONTROL]
    str     wzr, [x21]
begin:
    msr     daifclr, #DAIF_I
loop:
    mov     w9, #PIECE
1:
    subs    w9, w9, #1
    b.ne    1b
    ldr     w9, [x25]
    add     w9, w9, #1
    str     w9, [x25]
    ldr     w9, [x20]
    cmp     w9, #PACKETS
    b.eq    over
    ldr     w10, [x21]
    cbz     w10, loop
    str     w10, [x19, #NIC_STATUS]     // before it looks: what comes behind that sets it again
    bl      take
    ldr     w10, [x20]
    cmp     w9, w10
    b.ne    loop
    cmp     w24, #ALWAYS_ASKS
    b.eq    loop
    str     wzr, [x21]                  // nothing: from here on it interrupts again
    str     w23, [x19, #NIC_CONTROL]
    b       loop
over:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    PUSH    x0, x4
    mov     w1, #ENTRY
1:
    subs    w1, w1, #1
    b.ne    1b
    mov     w1, #1
    str     w1, [x19, #NIC_STATUS]
    cbnz    w24, quiet
    bl      take
    b       leave
quiet:
    str     w22, [x19, #NIC_CONTROL]
    str     w1, [x21]
leave:
    POP     x0, x4
    GIC_EOI x0
    IRQ_LEAVE

take:                                   // what has come by now; uses up X0 to X4
    mov     w0, #READ
1:
    subs    w0, w0, #1
    b.ne    1b
    ldr     w3, [x19, #NIC_HEAD]
next:
    ldr     w0, [x20]
    cmp     w0, w3
    b.eq    1f
    and     w0, w0, #ENTRIES-1
    ldr     x1, =ring
    add     x1, x1, x0, lsl #4
    ldr     w1, [x1]
    mov     w2, #0
    mov     w0, #BYTES/4
2:
    ldr     w4, [x1], #4
    adds    w2, w2, w4
    adc     w2, w2, wzr
    subs    w0, w0, #1
    b.ne    2b
    ldr     x1, =sum
    ldr     w4, [x1]
    add     w4, w4, w2
    str     w4, [x1]
    ldr     w0, [x20]
    add     w0, w0, #1
    str     w0, [x20]
    add     w0, w0, #ENTRIES
    str     w0, [x19, #NIC_TAIL]
    b       next
1:
    ret

    .data
mode:
    .long   MODE
    VAR     asks
    VAR     pieces
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
