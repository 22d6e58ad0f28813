/* A pulse comes and goes while its line is masked: whoever unmasks it must look for himself. */
#include "x86/guest.h"

#define WORDS   2
#define WORK    300                     /* rounds of work on the queue: longer than a pulse */

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler              # IRQ 5
    PIC_UNMASK 5
sleep:
    cli
    cmpl    $WORDS, taken
    jae     done
    sti
    hlt
    OUT_BYTE PIC1_DATA, 0xFF            # no handler is to touch the queue now
    movl    $WORK, %ecx
work:
    loop    work
    PIC_UNMASK 5
#ifdef FIXED
    cli
    call    take
#endif
    jmp     sleep
done:
    POWER_OFF

handler:
    push    %eax
    call    take
    PIC_EOI 5
    pop     %eax
    iret

take:                                   # what the sensor has ready; EAX is used up
    xorl    %eax, %eax
    xchgl   %eax, ready
    addl    %eax, taken
    ret

    VAR     ready
    VAR     taken
