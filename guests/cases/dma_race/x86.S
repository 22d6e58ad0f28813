/* Two channels of a DMA engine with one interrupt, and a driver that waits for one, reads, and has the buffer filled again. */
#include "x86/guest.h"
#include "dma.h"

#define MINE    DMA_CHANNEL(0)
#define OTHER   DMA_CHANNEL(1)
#define ALL     0xF

    GUEST_PROTECTED32
    IDT_GATE 0x2C, transferred          # IRQ 12
    PIC_UNMASK 12
    movl    $block, DMA+OTHER+DMA_SOURCE
    movl    $elsewhere, DMA+OTHER+DMA_TARGET
    movl    $16, DMA+OTHER+DMA_BYTES
    movl    $1000, DMA+OTHER+DMA_PACE
    movl    $1, DMA+OTHER+DMA_START
    sti
    nop
begin:
    andl    $~1, done
    movl    $block, DMA+MINE+DMA_SOURCE
    movl    $buffer, DMA+MINE+DMA_TARGET
    movl    $16, DMA+MINE+DMA_BYTES
    movl    $1, DMA+MINE+DMA_START
wait:
    testl   $1, done
    jz      wait
    movl    $next, DMA+MINE+DMA_SOURCE
#ifndef FIXED
    movl    $1, DMA+MINE+DMA_START      # the engine need not wait for us
#endif
    movl    buffer, %eax
    addl    buffer+4, %eax
    addl    buffer+8, %eax
    addl    buffer+12, %eax
#ifdef FIXED
    movl    $1, DMA+MINE+DMA_START
#endif
end:
    movl    %eax, sum
    POWER_OFF

transferred:
    push    %eax
#ifdef FIXED
    movl    DMA+DMA_STATUS, %eax        # whose it is
    movl    %eax, DMA+DMA_STATUS
    orl     %eax, done
#else
    movl    $ALL, DMA+DMA_STATUS
    orl     $1, done
#endif
    PIC_EOI 12
    pop     %eax
    iret

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
