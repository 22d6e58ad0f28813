/* Masked, nested, entry: what one interrupt waits for, each by itself short enough. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#ifdef FIXED
#define MASKED  200                     /* instructions that the program's section has */
#else
#define MASKED  400
#endif
#define MOST    1024
#define WORK    150                     /* rounds of the alarm's work */
#define ALARM   SPI(5)
#define SENSOR  SPI(6)

    GUEST   irq=handler
    GIC_INIT
    GIC_PRIORITY ALARM, 0x40
    GIC_PRIORITY SENSOR, 0x80
    GIC_ENABLE ALARM
    GIC_ENABLE SENSOR
    LOAD    x1, masked
    ldr     x0, =section_end
    sub     x0, x0, x1, lsl #2
    msr     daifclr, #DAIF_I
    msr     daifset, #DAIF_I
section:
    br      x0
    .rept   MOST
    nop
    .endr
section_end:
    msr     daifclr, #DAIF_I
wait:
    LOAD    x0, measured
    cbz     x0, wait
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, #SENSOR
    b.eq    sensor
    mov     x1, #WORK
1:
    subs    x1, x1, #1
    b.ne    1b
    GIC_EOI x0
    IRQ_LEAVE
sensor:
    INCREMENT measured
    GIC_EOI x0
    IRQ_LEAVE

    .data
masked:
    .long   MASKED
    VAR     measured
