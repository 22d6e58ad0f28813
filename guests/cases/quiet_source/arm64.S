/* A device holds its line for as long as its status bit is set: the end of interrupt at the controller clears no bit. */
#include "arm64/guest.h"
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
    LOAD    x0, rings
    cmp     w0, #RINGS
    b.hs    done
    wfi                                 // until one is pending, masked or not
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       sleep
done:
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    INCREMENT rings
    bl      next
#ifdef FIXED
    STORE   (RTC+ICR), 1
#endif
    GIC_EOI x0
    IRQ_LEAVE

next:                                   // to ring in a second; X1 is used up
    LOAD    x1, (RTC+DR)
    add     x1, x1, #1
    STORE_REG (RTC+MR), x1
    ret

    VAR     rings
