/*
 * Fully nested mode (8259A datasheet): while a request is in service, those of its own level and below wait, those
 * above come through once the handler sets IF. IRQ 8-15 enter at the master's level 2, above IRQ 3. Handlers append
 * their number to `order` when they begin, and with bit 7 set when they end.
 */
#include "x86/guest.h"

#define END     0x80

    GUEST_PROTECTED32
    IDT_GATE 0x23, irq3
    IDT_GATE 0x25, irq5
    IDT_GATE 0x26, irq6
    IDT_GATE 0x29, irq9
    IDT_GATE 0x2C, irq12
    PIC_UNMASK 3
    PIC_UNMASK 5
    PIC_UNMASK 6
    PIC_UNMASK 9
    PIC_UNMASK 12

    RAISE   6
    RAISE   3
    RAISE   5
    sti
    nop
    cli
    CHECK_EQ order+0, $(3 | (3|END) << 8 | 5 << 16 | (5|END) << 24), "those that wait are served by priority"
    CHECK_EQ order+4, $(6 | (6|END) << 8), "the lowest comes last", w

    movl    $order, tail
    movl    $higher_and_lower, during_irq5
    RAISE   5
    sti
    nop
    cli
    CHECK_EQ order+0, $(5 | 3 << 8 | (3|END) << 16 | (5|END) << 24), "a higher level interrupts the handler"
    CHECK_EQ order+4, $(6 | (6|END) << 8), "a lower level waits until the handler has ended its own", w

    movl    $order, tail
    movl    $slave, during_irq5
    RAISE   5
    sti
    nop
    cli
    CHECK_EQ order+0, $(5 | 12 << 8 | (12|END) << 16 | 9 << 24), "IRQ 12 stands above 5; 9 waits for it: both are IR2"
    CHECK_EQ order+4, $((9|END) | 3 << 8 | (3|END) << 16 | (5|END) << 24), "IRQ 3 stands below the slave, above 5"
    POWER_OFF

.macro NOTE value
    movl    tail, %ebx
    movb    $(\value), (%ebx)
    incl    tail
.endm

.macro HANDLER irq
irq\irq:
    NOTE    \irq
    LOWER   \irq
    xorl    %eax, %eax
    xchgl   %eax, during_irq\irq
    testl   %eax, %eax
    jz      end_irq\irq
    call    *%eax
end_irq\irq:
    NOTE    (\irq|END)
    PIC_EOI \irq
    iret
    VAR     during_irq\irq
.endm

    HANDLER 3
    HANDLER 5
    HANDLER 6
    HANDLER 9
    HANDLER 12

/* What IRQ 5 meets while it is in service. */
higher_and_lower:
    RAISE   6
    RAISE   3
    sti
    nop
    cli
    ret

slave:
    movl    $more, during_irq12
    RAISE   12
    sti
    nop
    cli
    ret

more:                                   # within IRQ 12
    RAISE   3
    RAISE   9
    sti
    nop
    cli
    ret

    .data
tail:
    .long   order
    VAR     order, 16
