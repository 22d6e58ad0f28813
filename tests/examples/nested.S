/* Two priorities: the handler lets interrupts in while it works, and the GIC lets only the urgent one through. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE SPI(6)
    GIC_ENABLE SPI(7)
    GIC_PRIORITY SPI(5), 0x80
    GIC_PRIORITY SPI(6), 0x80
    GIC_PRIORITY SPI(7), 0x40           // lower in number, higher in priority
    msr     daifclr, #DAIF_I
ready:
    b       .

handler:
    IRQ_ENTER                           // saves ELR and SPSR, so that it may nest
    GIC_ACK x0
    msr     daifclr, #DAIF_I
working:
    nop
    nop
    msr     daifset, #DAIF_I
    GIC_EOI x0
    IRQ_LEAVE
