/* A device holds its line for as long as its status bit is set: the end of interrupt at the controller clears no bit. */
#include "x86/guest.h"

#define RINGS       3
#define PM1A_STATUS 0x600               /* ACPI: bits of events; a 1 that is written clears one */
#define PM1A_ENABLE 0x602
#define   TIMER     0x01                /*   the ACPI timer's top bit has turned */
#define SCI         9

    GUEST_PROTECTED32
    IDT_GATE (0x20+SCI), ring
    OUT_BYTE ELCR2, (1<<(SCI-8))        # takes levels
    OUT_BYTE PM1A_STATUS, TIMER
    OUT_BYTE PM1A_ENABLE, TIMER
    PIC_UNMASK SCI
sleep:
    cli
    cmpl    $RINGS, rings
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

ring:
    incl    rings
#ifdef FIXED
    OUT_BYTE PM1A_STATUS, TIMER
#endif
    PIC_EOI SCI
    iret

    VAR     rings
