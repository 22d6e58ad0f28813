/*
 * The spurious interrupt (SDM 3A 11.9): when the CPU acknowledges an interrupt that a higher task priority has masked
 * since it was requested, the local APIC answers with the spurious vector. No ISR bit stands for it: no EOI. The
 * interrupt itself waits on.
 */
#include "x86/guest.h"

#define VECTOR  0x41
#define OWN     0x6F
#define HIGHEST 0xF0

    GUEST_PROTECTED32
    LAPIC_ENABLE OWN
    IDT_GATE VECTOR, handler
    IDT_GATE OWN, spurious

    LAPIC_WRITE LAPIC_TPR, $HIGHEST
    SEND_SELF VECTOR
    call    window
    CHECK_EQ spurious_taken, $0, "what TPR masks from the beginning is never requested"
    CHECK_EQ taken, $0, "it waits"
    LAPIC_WRITE LAPIC_TPR, $0
    call    window
    CHECK_EQ taken, $1, "until TPR falls"
    CHECK_EQ spurious_taken, $0, "nothing spurious about that"

    SEND_SELF VECTOR
    LAPIC_WRITE LAPIC_TPR, $HIGHEST
    call    window
    CHECK_EQ spurious_taken, $1, "TPR raised after the request: the spurious vector comes"
    CHECK_EQ taken, $1, "in place of the interrupt"
    testl   $BIT(VECTOR), IRR(VECTOR)
    CHECK_IF nz, "which still waits"
    CHECK_EQ in_service, $0, "nothing is in service meanwhile"
    call    window
    CHECK_EQ spurious_taken, $1, "it comes once"

    LAPIC_WRITE LAPIC_TPR, $0
    call    window
    CHECK_EQ taken, $2, "the interrupt comes when TPR falls, without an EOI for the spurious one"

    SEND_SELF OWN
    call    window
    CHECK_EQ in_service, $BIT(OWN), "a real interrupt with the same vector is told from it by its ISR bit"
    POWER_OFF

/* Let in what waits. */
window:
    sti
    nop
    nop
    cli
    ret

handler:
    incl    taken
    LAPIC_EOI_NOW
    iret

spurious:
    incl    spurious_taken
    pushl   %eax
    movl    ISR(OWN), %eax
    orl     ISR(VECTOR), %eax
    movl    %eax, in_service
    testl   %eax, %eax
    jz      nothing
    LAPIC_EOI_NOW
nothing:
    popl    %eax
    iret

    VAR     taken
    VAR     spurious_taken
    VAR     in_service
