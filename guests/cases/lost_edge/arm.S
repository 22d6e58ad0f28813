/* A pulse comes and goes while its line is masked: whoever unmasks it must look for himself. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define SENSOR  SPI(5)
#define WORDS   2
#define WORK    300                     /* rounds of work on the queue: longer than a pulse */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SENSOR
sleep:
    LOAD    r0, taken
    cmp     r0, #WORDS
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    GIC_DISABLE SENSOR                  // no handler is to touch the queue now
    mov     r4, #WORK
work:
    subs    r4, r4, #1
    bne     work
    GIC_ENABLE SENSOR
#ifdef FIXED
    bl      take
#endif
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    bl      take
    GIC_EOI r0
    IRQ_LEAVE

take:                                   // what the sensor has ready; R1-R3 are used up
    ldr     r1, =ready
    ldr     r2, [r1]
    mov     r3, #0
    str     r3, [r1]
    ldr     r1, =taken
    ldr     r3, [r1]
    add     r3, r3, r2
    str     r3, [r1]
    bx      lr

    VAR     ready
    VAR     taken
