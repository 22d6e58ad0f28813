/* Masked, nested, entry: what one interrupt waits for, each by itself short enough. */
#include "arm/guest.h"
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
    LOAD    r1, masked
    MOV32   r0, section_end
    sub     r0, r0, r1, lsl #2
    cpsie   i
    cpsid   i
section:
    bx      r0
    .rept   MOST
    nop
    .endr
section_end:
    cpsie   i
wait:
    LOAD    r0, measured
    cmp     r0, #0
    beq     wait
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, #SENSOR
    beq     sensor
    mov     r1, #WORK
1:
    subs    r1, r1, #1
    bne     1b
    GIC_EOI r0
    IRQ_LEAVE
sensor:
    INCREMENT measured
    GIC_EOI r0
    IRQ_LEAVE

    .data
masked:
    .long   MASKED
    VAR     measured
