/* A handler copies a message into a buffer on its stack, as long as it is: over the registers and the frame behind it. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define BUFFER      16
#define MESSAGES    2

    GUEST   irq=received
    GIC_INIT
    GIC_ENABLE SPI(5)
sleep:
    ldr     r1, =count
    ldr     r0, [r1]
    cmp     r0, #MESSAGES
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    POWER_OFF

received:
    IRQ_ENTER
    sub     sp, sp, #BUFFER
    ldr     r1, =length
    ldr     r1, [r1]
#ifdef FIXED
    cmp     r1, #BUFFER
    bls     fits
    mov     r1, #BUFFER
fits:
#endif
    ldr     r2, =message
    mov     r3, sp
copy:
    ldrb    r0, [r2], #1
    strb    r0, [r3], #1
    subs    r1, r1, #1
    bne     copy
    INCREMENT count
    GIC_ACK r0
    GIC_EOI r0
    add     sp, sp, #BUFFER
    IRQ_LEAVE

    VAR     message, 64
    VAR     length
    VAR     count
