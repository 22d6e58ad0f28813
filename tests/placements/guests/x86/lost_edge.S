/*
 * Lost edge: the program masks the pin for as long as it works on what the handler works on, too. An edge under the
 * mask is lost (82093AA 3.2.4). FIXED: the processor keeps interrupts out, and the local APIC keeps the edge.
 */
#include "x86/guest.h"
#include "x86/ioapic.inc"

#define PIN     5
#define VECTOR  0x41

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    IOAPIC_ROUTE PIN, 0, VECTOR
    sti
    nop                                 # STI's shadow
begin:
    nop
#ifdef FIXED
    cli
#else
    movl    $(ENTRY_MASKED|VECTOR), IOAPIC_WINDOW
#endif
work:
    incl    shared
done:
#ifdef FIXED
    sti
#else
    movl    $VECTOR, IOAPIC_WINDOW
#endif
end:
    nop
    nop
over:
    POWER_OFF

handler:
    incl    shared
    LAPIC_EOI_NOW
    iret

    VAR     shared
