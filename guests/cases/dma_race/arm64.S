/* Two channels of a DMA engine with one interrupt, and a driver that waits for one, reads, and has the buffer filled again. */
#include "arm64/guest.h"
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
    msr     daifclr, #DAIF_I
    nop
begin:
    CLEAR_BITS done, 1
    STORE   (DMA+MINE+DMA_SOURCE), block
    STORE   (DMA+MINE+DMA_TARGET), buffer
    STORE   (DMA+MINE+DMA_BYTES), 16
    STORE   (DMA+MINE+DMA_START), 1
wait:
    LOAD    x0, done
    tst     w0, #1
    b.eq    wait
    STORE   (DMA+MINE+DMA_SOURCE), next
#ifndef FIXED
    STORE   (DMA+MINE+DMA_START), 1     // the engine need not wait for us
#endif
    LOAD    x0, buffer
    LOAD    x1, (buffer+4)
    LOAD    x2, (buffer+8)
    LOAD    x3, (buffer+12)
    add     w0, w0, w1
    add     w0, w0, w2
    add     w0, w0, w3
#ifdef FIXED
    STORE   (DMA+MINE+DMA_START), 1
#endif
end:
    STORE_REG sum, x0
    POWER_OFF

transferred:
    IRQ_ENTER
    GIC_ACK x0
#ifdef FIXED
    LOAD    x1, (DMA+DMA_STATUS)        // whose it is
    STORE_REG (DMA+DMA_STATUS), x1
    LOAD    x2, done
    orr     w2, w2, w1
    STORE_REG done, x2
#else
    STORE   (DMA+DMA_STATUS), ALL
    SET_BITS done, 1
#endif
    GIC_EOI x0
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
