/*
 * Level triggered pins (82093AA datasheet, 3.2.4; SDM 3A 11.8.4, 11.8.5). Remote IRR is set from the acceptance by a
 * local APIC until its EOI reaches the IOAPIC; if the line is high then, the pin sends again. TMR tells the local APIC
 * which vectors' EOI the IOAPIC waits for.
 */
#include "x86/guest.h"
#include "x86/ioapic.inc"

#define PIN     5
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    IOAPIC_ROUTE PIN, 0, ENTRY_LEVEL|VECTOR

    CHECK_REMOTE PIN, 0, "a low line has no remote IRR"
    RAISE   PIN
    CHECK_REMOTE PIN, ENTRY_REMOTE, "an accepted level sets remote IRR"
    testl   $BIT(VECTOR), IRR(VECTOR)
    CHECK_IF nz, "it waits in the local APIC"
    testl   $BIT(VECTOR), TMR(VECTOR)
    CHECK_IF nz, "which knows it as a level"
    movl    $3, quiet_at
    call    window
    CHECK_EQ taken, $3, "it comes again after each EOI until the line is low"
    CHECK_REMOTE PIN, 0, "EOI clears remote IRR"

    RAISE   PIN
    LOWER   PIN
    CHECK_REMOTE PIN, ENTRY_REMOTE, "remote IRR stays when the line drops"
    call    window
    CHECK_EQ taken, $4, "a level that was accepted comes, though it is over"
    CHECK_REMOTE PIN, 0, "once"

    IOAPIC_WRITE PIN, ENTRY_MASKED|ENTRY_LEVEL|VECTOR
    RAISE   PIN
    call    window
    CHECK_EQ taken, $4, "a masked level does not come"
    CHECK_REMOTE PIN, 0, "and is not accepted"
    IOAPIC_WRITE PIN, ENTRY_LEVEL|VECTOR
    movl    $5, quiet_at
    call    window
    CHECK_EQ taken, $5, "it comes when unmasked"

    IOAPIC_WRITE PIN, ENTRY_MASKED|ENTRY_LEVEL|VECTOR
    RAISE   PIN
    LOWER   PIN
    IOAPIC_WRITE PIN, ENTRY_LEVEL|VECTOR
    call    window
    CHECK_EQ taken, $5, "what is over before it is unmasked never comes"

    RAISE   PIN
    IOAPIC_WRITE PIN, ENTRY_MASKED|ENTRY_LEVEL|VECTOR
    CHECK_REMOTE PIN, ENTRY_REMOTE, "the mask takes nothing back"
    call    window
    CHECK_EQ taken, $6, "what was accepted comes, and under the mask not again"
    IOAPIC_WRITE PIN, ENTRY_LEVEL|VECTOR
    movl    $7, quiet_at
    call    window
    CHECK_EQ taken, $7, "the line is still high when unmasked"
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
    pushl   %eax
    movl    taken, %eax
    cmpl    quiet_at, %eax
    jne     loud
    LOWER   PIN
loud:
    LAPIC_EOI_NOW
    popl    %eax
    iret

    VAR     taken
    VAR     quiet_at
