/* The program reads a position of two words, which a handler moves: between the two loads the halves do not belong together. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=moved
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x4, =position
    ldr     x5, =moves
    ldr     x6, =apart
    ldr     x7, =ready
    ldr     x8, =word
    msr     daifclr, #DAIF_I
begin:
#ifdef FIXED
    ldr     w2, [x5]
#endif
    ldr     w0, [x4]
    ldr     w1, [x4, #4]
#ifdef FIXED
    ldr     w3, [x5]
    cmp     w2, w3
    b.ne    begin
#endif
    sub     w0, w0, w1
    str     w0, [x6]
    ldr     w0, [x7]                    // the flag comes behind the word: this is safe
    cbz     w0, end
    ldr     w1, [x8]
    cmp     w1, #7
    cset    w1, ne
    ldr     x0, =unready
    str     w1, [x0]
end:
    nop
    POWER_OFF

moved:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT position
    INCREMENT (position+4)
    INCREMENT moves
    STORE   word, 7
    STORE   ready, 1
    GIC_EOI x0
    IRQ_LEAVE

    VAR     position, 8
    VAR     moves
    VAR     apart
    VAR     word
    VAR     ready
    VAR     unready
