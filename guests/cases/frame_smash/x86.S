/* A handler copies a message into a buffer on its stack, as long as it is: over the registers and the frame behind it. */
#include "x86/guest.h"

#define BUFFER      16
#define MESSAGES    2

    GUEST_PROTECTED32
    IDT_GATE 0x25, received             # IRQ 5
    PIC_UNMASK 5
sleep:
    cli
    cmpl    $MESSAGES, count
    jae     done
    sti
    hlt
    jmp     sleep
done:
    POWER_OFF

received:
    push    %eax
    push    %ecx
    push    %esi
    push    %edi
    subl    $BUFFER, %esp
    movl    length, %ecx
#ifdef FIXED
    cmpl    $BUFFER, %ecx
    jbe     fits
    movl    $BUFFER, %ecx
fits:
#endif
    movl    $message, %esi
    movl    %esp, %edi
    rep movsb
    incl    count
    PIC_EOI 5
    addl    $BUFFER, %esp
    pop     %edi
    pop     %esi
    pop     %ecx
    pop     %eax
    iret

    VAR     message, 64
    VAR     length
    VAR     count
