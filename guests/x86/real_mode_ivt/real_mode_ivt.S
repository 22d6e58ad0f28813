/*
 * Interrupts in real mode (SDM 3B 20.1.4): four bytes a vector in a table that IDTR points to, a frame of FLAGS, CS and
 * IP, no error codes, no privilege.
 */
#include "x86/guest.h"

#define SOFTWARE    0x40

    GUEST_REAL16
    IVT_GATE 0x25, hardware
    IVT_GATE SOFTWARE, software
    IVT_GATE VECTOR_GP, protection
    PIC_UNMASK 5

    RAISE   5
    sti
    nop
after_nop:
    cli
    CHECK_EQ taken, $1, "IRQ 5 came through the vector table"

    stc
    int     $SOFTWARE
after_int:
    CHECK_EQ taken, $2, "so did INT 40h"

    lidt    short_ivt
    clc
beyond:
    int     $SOFTWARE
    CHECK_EQ taken, $3, "a vector beyond IDTR's limit is a general protection fault"

    lidt    moved_ivt
    int     $0
    CHECK_EQ taken, $4, "the table is where IDTR says"
    POWER_OFF

hardware:
    incl    taken
    CHECK_EQ %sp, $(REAL_STACK-6), "the frame has three words", w
    CHECK_EQ 0(%esp), $after_nop, "IP of the instruction it came before", w
    CHECK_EQ 2(%esp), $0, "CS", w
    testw   $FLAG_IF, 4(%esp)
    CHECK_IF nz, "and FLAGS with IF set, for it was"
    pushf
    popw    %ax
    testw   $(FLAG_IF | FLAG_TF), %ax
    CHECK_IF z, "IF and TF are clear in the handler"
    LOWER   5
    PIC_EOI 5
    iret

software:
    pushf
    incl    taken
    popf
    CHECK_IF c, "the arithmetic flags are as INT found them"
    CHECK_EQ 0(%esp), $after_int, "INT's frame points behind it", w
    iret

protection:
    incl    taken
    CHECK_EQ %sp, $(REAL_STACK-6), "a fault in real mode has no error code", w
    CHECK_EQ 0(%esp), $beyond, "its frame points at its instruction", w
    addw    $2, (%esp)
    iret

moved:
    incl    taken
    iret

short_ivt:
    .word   SOFTWARE * 4 - 1
    .long   0
moved_ivt:
    .word   3
    .long   moved_table
moved_table:
    .word   moved, 0

    VAR     taken
