/* Two channels of a DMA engine with one interrupt, and a driver that waits for one, reads, and has the buffer filled again. */
#include "arm/guest.h"
#include "virt/gicv2.inc"
#include "dma.h"

#define MINE    DMA_CHANNEL(0)
#define OTHER   DMA_CHANNEL(1)
#define ALL     0xF
#define ENGINE  SPI(5)

    GUEST   irq=transferred
    GIC_INIT
    GIC_ENABLE ENGINE
    STORE   (DMA+OTHER+DMA_SOURCE), block
    STORE   (DMA+OTHER+DMA_TARGET), elsewhere
    STORE   (DMA+OTHER+DMA_BYTES), 16
    STORE   (DMA+OTHER+DMA_PACE), 1000
    STORE   (DMA+OTHER+DMA_START), 1
    cpsie   i
    nop
begin:
    CLEAR_BITS done, 1
    STORE   (DMA+MINE+DMA_SOURCE), block
    STORE   (DMA+MINE+DMA_TARGET), buffer
    STORE   (DMA+MINE+DMA_BYTES), 16
    STORE   (DMA+MINE+DMA_START), 1
wait:
    LOAD    r0, done
    tst     r0, #1
    beq     wait
    STORE   (DMA+MINE+DMA_SOURCE), next
#ifndef FIXED
    STORE   (DMA+MINE+DMA_START), 1     // the engine need not wait for us
#endif
    LOAD    r0, buffer
    LOAD    r1, (buffer+4)
    LOAD    r2, (buffer+8)
    LOAD    r3, (buffer+12)
    add     r0, r0, r1
    add     r0, r0, r2
    add     r0, r0, r3
#ifdef FIXED
    STORE   (DMA+MINE+DMA_START), 1
#endif
end:
    STORE_REG sum, r0
    POWER_OFF

transferred:
    IRQ_ENTER
    GIC_ACK r0
#ifdef FIXED
    LOAD    r1, (DMA+DMA_STATUS)        // whose it is
    STORE_REG (DMA+DMA_STATUS), r1
    LOAD    r2, done
    orr     r2, r2, r1
    STORE_REG done, r2
#else
    STORE   (DMA+DMA_STATUS), ALL
    SET_BITS done, 1
#endif
    GIC_EOI r0
    IRQ_LEAVE

    .data
    .balign 16
block:
    .long   1, 2, 3, 4
next:
    .long   5, 6, 7, 8
    VAR     done
    VAR     buffer, 16
    VAR     elsewhere, 16
    VAR     sum
