/* INT 80h through an interrupt gate, and through a trap gate INT 81h: who comes first when an IRQ comes with it? */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, irq
    IDT_GATE 0x80, service
    IDT_GATE 0x81, service, TRAP_GATE
    PIC_UNMASK 5
    sti
closed:
    int     $0x80                       # clears IF
open:
    int     $0x81                       # leaves it set
    POWER_OFF

service:
    nop
    iret

irq:
    PIC_EOI 5
    iret
