/*
 * Edge and level triggered inputs (8259A datasheet, IRR; edge/level control registers 4D0h, 4D1h of the PCI chipsets).
 * An edge is one request however long the line stays high; a level requests for as long as it lasts.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5

    RAISE   5
    call    window
    CHECK_EQ taken, $1, "edge: a line that stays high is one interrupt"
    RAISE   5
    call    window
    CHECK_EQ taken, $1, "edge: raising a line that is high is no edge"
    LOWER   5
    RAISE   5
    call    window
    CHECK_EQ taken, $2, "edge: low and high again is the next interrupt"
    LOWER   5

    OUT_BYTE ELCR1, (1 << 5)
    movl    $0, taken
    movl    $3, quiet_at
    RAISE   5
    call    window
    CHECK_EQ taken, $3, "level: it comes again after each EOI until the line is low"
    call    window
    CHECK_EQ taken, $3, "level: a low line requests nothing"

    OUT_BYTE PIC1_DATA, 0xFF
    RAISE   5
    PIC_READ PIC1, OCW3_READ_IRR
    testb   $(1 << 5), %al
    CHECK_IF nz, "IRR shows a level that is masked"
    LOWER   5
    PIC_READ PIC1, OCW3_READ_IRR
    testb   $(1 << 5), %al
    CHECK_IF z, "IRR follows the level down"
    PIC_UNMASK 5
    call    window
    CHECK_EQ taken, $3, "level: what is over before it is unmasked never comes"

    OUT_BYTE ELCR1, 0
    OUT_BYTE PIC1_DATA, 0xFF
    movl    $0, quiet_at
    RAISE   5
    PIC_UNMASK 5
    call    window
    CHECK_EQ taken, $4, "edge: an edge under the mask is latched and comes when unmasked"
    LOWER   5

    movl    $(ELCR1), %edx
    movb    $0xFF, %al
    outb    %al, %dx
    inb     %dx, %al
    CHECK_EQ %al, $0xF8, "IRQ 0, 1 and 2 are edge triggered for good", b
    POWER_OFF

/* Let in what waits, for long enough that it could come again. */
window:
    sti
    .rept   4
    nop
    .endr
    cli
    ret

handler:
    incl    taken
    pushl   %eax
    movl    taken, %eax
    cmpl    quiet_at, %eax
    jne     loud
    LOWER   5
loud:
    PIC_EOI
    popl    %eax
    iret

    VAR     taken
    VAR     quiet_at
