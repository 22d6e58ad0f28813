/* A first interrupt handler and its test: raise a line, count in the handler, check the count (SDM 3A 6.12.1). */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5 has vector 20h + 5
    PIC_UNMASK 5
    RAISE   5
    sti
    hlt                                 # until the handler has run
    cli
    CHECK_EQ count, $1, "one edge on IRQ 5 runs the handler once"
    POWER_OFF

handler:
    incl    count
    LOWER   5
    PIC_EOI 5
    iret

    VAR     count
