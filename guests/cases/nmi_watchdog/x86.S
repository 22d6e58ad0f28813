/* Who waits for an interrupt with interrupts masked waits for ever; an NMI finds him. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE VECTOR_NMI, watchdog
    IDT_GATE 0x25, answered             # IRQ 5
    IDT_GATE 0x26, tick                 # IRQ 6
    PIC_UNMASK 5
    PIC_UNMASK 6
    sti
until_awake:
    cmpl    $2, heartbeat
    jb      until_awake

    cli                                 # the handler counts requests, too
    incl    requests
#ifdef FIXED
    sti
#endif
wait:
    cmpl    $0, answers
    je      wait
    POWER_OFF

answered:
    decl    requests
    incl    answers
    PIC_EOI 5
    iret

tick:
    incl    heartbeat
    PIC_EOI 6
    iret

watchdog:
    movl    (%esp), %ebx
    PRINT   "no heartbeat; found at 0x"
    PRINT_HEX %ebx
    PRINT   "\n"
    EXIT    1

    VAR     requests
    VAR     answers
    VAR     heartbeat
