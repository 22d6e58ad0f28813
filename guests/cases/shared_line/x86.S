/* Two devices share a line whose input takes edges: while one of them holds it, the other brings none. */
#include "x86/guest.h"

#define REQUESTS 3

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    PIC_UNMASK 5
sleep:
    cli
    cmpl    $REQUESTS, served
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

handler:
    cmpl    $0, disk
    je      no_disk
    movl    $0, disk
disk_served:
    incl    served
#ifdef FIXED
    jmp     handler                     # until nobody wants anything
#else
    jmp     leave
#endif
no_disk:
    cmpl    $0, network
    je      leave
    movl    $0, network
network_served:
    incl    served
#ifdef FIXED
    jmp     handler
#endif
leave:
    PIC_EOI 5
    iret

    VAR     disk
    VAR     network
    VAR     served
