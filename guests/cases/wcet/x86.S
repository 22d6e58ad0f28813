/* A handler looks for the highest of 32 sources, bit by bit. */
#include "x86/guest.h"

#define SOURCES 32

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    PIC_UNMASK 5
sleep:
    cli
    cmpl    $SOURCES, served
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

handler:
    push    %eax
    push    %ecx
    movl    waits, %eax
#ifdef FIXED
    bsrl    %eax, %ecx
#else
    movl    $31, %ecx
look:
    addl    %eax, %eax                  # the highest bit goes to the carry
    jc      found
    decl    %ecx
    jns     look
#endif
found:
    incl    counts(,%ecx,4)
    incl    served
    PIC_EOI 5
    pop     %ecx
    pop     %eax
    iret

    VAR     waits
    VAR     served
    VAR     counts, 4*SOURCES
