/*
 * Edge triggered pins (82093AA datasheet, 3.2.4): an edge is one message however long the line stays high, and is lost
 * while the pin is masked. Unlike the 8259A's, a message that is sent stays sent when the line drops.
 */
#include "x86/guest.h"
#include "x86/ioapic.inc"

#define PIN     5
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    IOAPIC_ROUTE PIN, 0, VECTOR

    RAISE   PIN
    testl   $BIT(VECTOR), IRR(VECTOR)
    CHECK_IF nz, "an edge waits in the local APIC"
    testl   $BIT(VECTOR), TMR(VECTOR)
    CHECK_IF z, "which knows it as an edge"
    CHECK_REMOTE PIN, 0, "an edge sets no remote IRR"
    call    window
    CHECK_EQ taken, $1, "a line that stays high is one interrupt"
    LOWER   PIN
    call    window
    CHECK_EQ taken, $1, "its end is no edge"

    PULSE   PIN
    call    window
    CHECK_EQ taken, $2, "an edge that is over before the CPU takes it is not lost"
    PULSE   PIN
    PULSE   PIN
    call    window
    CHECK_EQ taken, $3, "two of them before the CPU takes one are one"

    movl    $1, again
    RAISE   PIN
    call    window
    CHECK_EQ taken, $5, "an edge while the first is in service comes after EOI"
    LOWER   PIN

    IOAPIC_WRITE PIN, ENTRY_MASKED|VECTOR
    RAISE   PIN
    IOAPIC_WRITE PIN, VECTOR
    call    window
    CHECK_EQ taken, $5, "an edge under the mask is lost, though the line is still high"
    LOWER   PIN
    RAISE   PIN
    call    window
    CHECK_EQ taken, $6, "the next edge comes"
    LOWER   PIN
    POWER_OFF

/* Let in what waits, for long enough that it could come again. */
window:
    sti
    .rept   8
    nop
    .endr
    cli
    ret

handler:
    incl    taken
    cmpl    $0, again
    je      once
    movl    $0, again
    LOWER   PIN
    RAISE   PIN
once:
    LAPIC_EOI_NOW
    iret

    VAR     taken
    VAR     again
