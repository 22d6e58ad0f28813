/* The end of interrupt comes before the device lets go of its line: whoever was interrupted stays so. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define PORT    SPI(1)
#define BYTES   3
#define TICK    (CNTFRQ_HZ/20000)       /* how often deferred work is done */

#define UART_IMSC 0x38                  /* the PL011's interrupts: */
#define   RECEIVED 0x50                 /*   bytes, and that no more follow */

    GUEST   irq=handler
    GIC_INIT
    GIC_PRIORITY TIMER_IRQ, 0x40
    GIC_PRIORITY PORT, 0x80
    GIC_ENABLE TIMER_IRQ
    GIC_ENABLE PORT
    STORE   (UART+UART_IMSC), RECEIVED
    TIMER_AFTER TICK
sleep:
    LOAD    x0, bytes
    cmp     w0, #BYTES
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
    cmp     x0, #TIMER_IRQ
    b.eq    tick
received:
#ifdef FIXED
    bl      read
    GIC_EOI x0
#else
    GIC_EOI x0
    STORE   work, 1                     // the clock will see to it
#endif
    b       leave
tick:
    TIMER_AFTER TICK
    LOAD    x1, work
    cbz     w1, ticked
    bl      read
    STORE   work, 0
ticked:
    GIC_EOI x0
leave:
    IRQ_LEAVE

read:                                   // the byte, and with that the line falls; X1 is used up
    LOAD    x1, (UART+UART_DR)
    INCREMENT bytes
    ret

    VAR     bytes
    VAR     work
