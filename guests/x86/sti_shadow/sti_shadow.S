/*
 * The shadow of STI: with IF clear before it, no maskable interrupt is taken until the instruction after STI has run
 * (SDM 2B STI). Each case raises IRQ 5 with IF clear, so that it waits, and asks the handler's frame where it came.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    IDT_GATE VECTOR_UD, undefined, TRAP_GATE
    PIC_UNMASK 5

    RAISE   5
    sti
    nop
after_nop:
    cli
    CHECK_EQ taken, $1, "an interrupt that waited for STI is taken"
    CHECK_EQ where, $after_nop, "it is taken when the instruction after STI has run, not before"

    RAISE   5
    sti
    cli
    nop
    CHECK_EQ taken, $1, "STI followed by CLI admits nothing"

    sti
    hlt
after_hlt:
    cli
    CHECK_EQ taken, $2, "STI followed by HLT wakes: nothing is lost between them"
    CHECK_EQ where, $after_hlt, "HLT has begun when the interrupt is taken: the frame points behind it"

    RAISE   5
    pushl   $(FLAG_FIXED | FLAG_IF)
    popf
after_popf:
    cli
    CHECK_EQ taken, $3, "POPF that sets IF admits what waits"
    CHECK_EQ where, $after_popf, "POPF has no shadow"

    RAISE   5
    sti
    ud2
    CHECK_EQ where, $undefined, "a fault ends the shadow: the interrupt is taken before its handler's first instruction"
    CHECK_EQ taken, $4, "every edge was one interrupt"
    POWER_OFF

handler:
    incl    taken
    popl    where
    pushl   where
    LOWER   5
    PIC_EOI 5
    iret

undefined:
    addl    $2, (%esp)                  # behind UD2
    andl    $~FLAG_IF, 8(%esp)
    iret

    VAR     taken
    VAR     where
