/*
 * What the local APIC keeps of an interrupt (SDM 3A 11.8.3, 11.8.4): IRR while it waits, ISR from its delivery until
 * EOI. A vector can wait once while it is in service once; more collapse. Vectors of a higher class (bits 7:4)
 * interrupt, those of the same class wait for EOI whatever IF is.
 */
#include "x86/guest.h"

#define LOW     0x41
#define SAME    0x4E
#define HIGH    0x51
#define END     0x80

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE LOW, low
    IDT_GATE SAME, same
    IDT_GATE HIGH, high

    SEND_SELF LOW
    testl   $BIT(LOW), IRR(LOW)
    CHECK_IF nz, "an interrupt waits for IF in IRR"
    testl   $BIT(LOW), ISR(LOW)
    CHECK_IF z, "what waits is not in service"
    SEND_SELF LOW
    call    window
    CHECK_EQ count, $2, "sent twice while it waits, it comes once", w
    CHECK_EQ IRR(LOW), $0, "nothing waits any more"
    CHECK_EQ ISR(LOW), $0, "EOI has ended it"
    CHECK_EQ in_service, $BIT(LOW), "in its handler it was in service"
    CHECK_EQ TMR(LOW), $0, "an IPI is an edge"

    SEND_SELF LOW
    SEND_SELF HIGH
    SEND_SELF SAME
    call    window
    CHECK_EQ order+0, $(5 | (5|END) << 8 | 0xE << 16 | (0xE|END) << 24), "the highest vector comes first"
    CHECK_EQ order+4, $(1 | (1|END) << 8), "the lowest last", w

    movl    $send_all, during_low
    SEND_SELF LOW
    call    window
    CHECK_EQ order+0, $(1 | 5 << 8 | (5|END) << 16 | (1|END) << 24), "a higher class interrupts, the same class waits"
    CHECK_EQ order+4, $(0xE | (0xE|END) << 8 | 1 << 16 | (1|END) << 24), "then it comes, and so does the one sent again"
    CHECK_EQ count, $8, "and no other", w
    CHECK_EQ priority, $(LOW & 0xF0), "in the handler the processor priority is the class in service"
    CHECK_EQ LAPIC+LAPIC_PPR, $0, "it falls back with EOI"
    POWER_OFF

/* Let in what waits, on a fresh record. */
window:
    movl    $order, tail
    movl    $0, count
    sti
    .rept   4
    nop
    .endr
    cli
    ret

.macro NOTE value
    movl    tail, %ebx
    movb    $(\value), (%ebx)
    incl    tail
    incl    count
.endm

.macro HANDLER name, number
\name:
    NOTE    \number
    movl    ISR(LOW), %eax
    movl    %eax, in_service
    xorl    %eax, %eax
    xchgl   %eax, during_\name
    testl   %eax, %eax
    jz      end_\name
    call    *%eax
end_\name:
    NOTE    (\number|END)
    LAPIC_EOI_NOW
    iret
    VAR     during_\name
.endm

    HANDLER low, 1
    HANDLER same, 0xE
    HANDLER high, 5

send_all:                               # within the handler of LOW
    LAPIC_READ LAPIC_PPR
    movl    %eax, priority
    SEND_SELF LOW
    SEND_SELF LOW
    SEND_SELF SAME
    SEND_SELF HIGH
    sti
    .rept   4
    nop
    .endr
    cli
    ret

    VAR     tail
    VAR     count
    VAR     order, 16
    VAR     in_service
    VAR     priority
