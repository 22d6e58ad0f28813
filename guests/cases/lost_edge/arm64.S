/* A pulse comes and goes while its line is masked: whoever unmasks it must look for himself. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define SENSOR  SPI(5)
#define WORDS   2
#define WORK    300                     /* rounds of work on the queue: longer than a pulse */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SENSOR
sleep:
    LOAD    x0, taken
    cmp     w0, #WORDS
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    GIC_DISABLE SENSOR                  // no handler is to touch the queue now
    mov     w4, #WORK
work:
    subs    w4, w4, #1
    b.ne    work
    GIC_ENABLE SENSOR
#ifdef FIXED
    bl      take
#endif
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    bl      take
    GIC_EOI x0
    IRQ_LEAVE

take:                                   // what the sensor has ready; X1-X3 are used up
    ldr     x1, =ready
    ldr     w2, [x1]
    str     wzr, [x1]
    ldr     x1, =taken
    ldr     w3, [x1]
    add     w3, w3, w2
    str     w3, [x1]
    ret

    VAR     ready
    VAR     taken
