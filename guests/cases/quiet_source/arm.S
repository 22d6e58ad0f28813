/* A device holds its line for as long as its status bit is set: the end of interrupt at the controller clears no bit. */
#include "arm/guest.h"
#include "virt/gicv2.inc"

#define RINGS   3
#define ALARM   SPI(2)
#define RTC     0x09010000              /* PL031: */
#define   DR    0x00                    /*   seconds */
#define   MR    0x04                    /*   when to ring */
#define   IMSC  0x10                    /*   whether to hold the line */
#define   ICR   0x1C                    /*   a 1 clears the status bit */

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE ALARM
    STORE   (RTC+IMSC), 1
    bl      next
sleep:
    LOAD    r0, rings
    cmp     r0, #RINGS
    bhs     done
    wfi                                 // until one is pending, masked or not
    cpsie   i
    isb
    cpsid   i
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    INCREMENT rings
    bl      next
#ifdef FIXED
    STORE   (RTC+ICR), 1
#endif
    GIC_EOI r0
    IRQ_LEAVE

next:                                   // to ring in a second; R1 is used up
    LOAD    r1, (RTC+DR)
    add     r1, r1, #1
    STORE_REG (RTC+MR), r1
    bx      lr

    VAR     rings
