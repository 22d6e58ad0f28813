/* A handler copies a message into a buffer on its stack, as long as it is: over the return address and what is behind it. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define BUFFER      16
#define MESSAGES    2

    GUEST   irq=received
    GIC_INIT
    GIC_ENABLE SPI(5)
sleep:
    ldr     x1, =count
    ldr     w0, [x1]
    cmp     w0, #MESSAGES
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
done:
    POWER_OFF

received:
    IRQ_ENTER
    sub     sp, sp, #BUFFER
    ldr     x1, =length
    ldr     w1, [x1]
#ifdef FIXED
    cmp     w1, #BUFFER
    b.ls    fits
    mov     w1, #BUFFER
fits:
#endif
    ldr     x2, =message
    mov     x3, sp
copy:
    ldrb    w0, [x2], #1
    strb    w0, [x3], #1
    subs    w1, w1, #1
    b.ne    copy
    INCREMENT count
    GIC_ACK x0
    GIC_EOI x0
    add     sp, sp, #BUFFER
    IRQ_LEAVE

    VAR     message, 64
    VAR     length
    VAR     count
