/*
 * INT n while a hardware interrupt waits: the software interrupt is part of its instruction and completes first; the
 * hardware one follows at the first boundary where IF allows it (SDM 3A 6.8.1, 6.9). INT n stands in the shadow of STI,
 * so both are due at the same time.
 */
#include "x86/guest.h"

#define NOTE    0x40                    /* through an interrupt gate */
#define OPEN    0x41                    /* through a trap gate */

    GUEST_PROTECTED32
    IDT_GATE 0x25, hardware
    IDT_GATE NOTE, closed_handler
    IDT_GATE OPEN, open_handler, TRAP_GATE
    PIC_UNMASK 5

    RAISE   5
    sti
    int     $NOTE
after_note:
    cli
    CHECK_EQ order, $0x12, "the software interrupt's handler runs before the hardware interrupt"
    CHECK_EQ where, $after_note, "an interrupt gate keeps the hardware interrupt out until IRET sets IF"

    movl    $0, order
    RAISE   5
    sti
    int     $OPEN
    cli
    CHECK_EQ order, $0x21, "a trap gate leaves IF set: the hardware interrupt is handled first"
    CHECK_EQ where, $open_handler, "yet INT was complete: its handler was entered, and no instruction of it had run"

    movl    $0, order
    RAISE   5
    int     $NOTE
    CHECK_EQ order, $1, "INT n needs no IF: with IF clear it runs and the hardware interrupt goes on waiting"
    sti
    nop
    cli
    CHECK_EQ order, $0x12, "what waited was not lost"
    POWER_OFF

/* Each handler appends its digit to `order`. */
closed_handler:
    shll    $4, order
    orl     $1, order
    iret

open_handler:
    shll    $4, order
    orl     $1, order
    iret

hardware:
    shll    $4, order
    orl     $2, order
    popl    where
    pushl   where
    LOWER   5
    PIC_EOI 5
    iret

    VAR     order
    VAR     where
