/*
 * Spurious interrupts (8259A datasheet, Interrupt Sequence): a request must stay high until the CPU acknowledges it. If
 * it does not, the chip answers with its level 7 and sets no in-service bit, so there is nothing to end. When the
 * slave does so, the master's IR2 was acknowledged properly and is in service: end the master only.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, unexpected_irq5
    IDT_GATE 0x27, irq7
    IDT_GATE 0x2C, unexpected_irq12
    IDT_GATE 0x2F, irq15
    PIC_UNMASK 5
    PIC_UNMASK 12

    PULSE   5
    sti
    nop
    cli
    CHECK_EQ irq7_taken, $1, "an edge on IRQ 5 that is gone at INTA comes as IRQ 7"
    CHECK_EQ master_isr, $0x00, "a spurious IRQ 7 sets no in-service bit: it takes no EOI", b

    RAISE   7
    PIC_UNMASK 7
    sti
    nop
    cli
    CHECK_EQ irq7_taken, $2, "a real IRQ 7 has the same vector"
    CHECK_EQ master_isr, $0x80, "its in-service bit tells it from a spurious one", b
    LOWER   7
    PIC_EOI

    PULSE   12
    sti
    nop
    cli
    CHECK_EQ irq15_taken, $1, "an edge on IRQ 12 that is gone at INTA comes as IRQ 15"
    CHECK_EQ slave_isr, $0x00, "a spurious IRQ 15 sets no in-service bit in the slave", b
    CHECK_EQ master_isr, $0x04, "the master has IR2 in service", b
    PIC_EOI                             # the master alone

    RAISE   12
    sti
    nop
    cli
    CHECK_EQ irq12_taken, $1, "ending the master alone leaves the slave ready for the next request"
    POWER_OFF

irq7:
    incl    irq7_taken
    jmp     look

irq15:
    incl    irq15_taken
look:
    PIC_READ PIC1, OCW3_READ_ISR
    movb    %al, master_isr
    PIC_READ PIC2, OCW3_READ_ISR
    movb    %al, slave_isr
    iret

unexpected_irq5:
    FAIL    "IRQ 5 is not delivered once its line is low"

unexpected_irq12:
    cmpl    $1, irq15_taken
    je      real_irq12
    FAIL    "IRQ 12 is not delivered once its line is low"
real_irq12:
    incl    irq12_taken
    LOWER   12
    PIC_EOI 12
    iret

    VAR     irq7_taken
    VAR     irq12_taken
    VAR     irq15_taken
    VAR     master_isr
    VAR     slave_isr
