/* A packet's work in the handler, or divided into a top half and a bottom half. */
#include "x86/guest.h"

#define PACKETS 40
#define WORDS   256

    GUEST_PROTECTED32
    IDT_GATE 0x25, packet               # IRQ 5
    IDT_GATE 0x26, tick                 # IRQ 6
    PIC_UNMASK 5
    PIC_UNMASK 6
sleep:
    cli
#ifdef FIXED
    movl    done, %eax
    cmpl    received, %eax
    jb      bottom_half
#endif
    cmpl    $PACKETS, done
    jae     over
    sti
    hlt
    jmp     sleep
#ifdef FIXED
bottom_half:
    sti
    call    work
    jmp     sleep
#endif
over:
    POWER_OFF

packet:
    pusha
#ifdef FIXED
    incl    received
#else
    call    work
#endif
    PIC_EOI 5
    popa
    iret

work:                                   # uses up EAX and ECX
    xorl    %eax, %eax
    movl    $WORDS, %ecx
1:
    addl    buffer-4(,%ecx,4), %eax
    loop    1b
    movl    %eax, sum
    incl    done
    ret

tick:
    incl    ticks
    PIC_EOI 6
    iret

    VAR     received
    VAR     done
    VAR     sum
    VAR     ticks
    VAR     buffer, 4*WORDS
