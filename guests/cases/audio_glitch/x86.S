/* An audio device that is to be served each millisecond, and a flood of packets. */
#include "x86/guest.h"
#include "audio.h"

#define PERIODS 20
#define PERIOD  1000                    /* microseconds */
#define BYTES   192                     /* a half: 48 kHz, stereo, 16 bits */
#define WORK    1000                    /* rounds that a packet takes */

    GUEST_PROTECTED32
    IDT_GATE 0x2A, packet               # IRQ 10
    IDT_GATE 0x2B, played               # IRQ 11
    PIC_UNMASK 10
    PIC_UNMASK 11
    movl    $PERIOD, AUDIO+AUDIO_PERIOD
    movl    $sound, AUDIO+AUDIO_BUFFER
    movl    $BYTES, AUDIO+AUDIO_BYTES
    movl    $1, AUDIO+AUDIO_CONTROL
loop:
    cli
#ifdef FIXED
    movl    done, %eax
    cmpl    received, %eax
    jb      thread
#endif
    cmpl    $PERIODS, AUDIO+AUDIO_PERIODS
    jae     over
    sti
    hlt
    jmp     loop
#ifdef FIXED
thread:
    sti
    call    work
    incl    done
    jmp     loop
#endif
over:
    movl    AUDIO+AUDIO_PERIODS, %eax
    movl    %eax, periods
    movl    AUDIO+AUDIO_UNDERRUNS, %eax
    movl    %eax, underruns
    POWER_OFF

work:                                   # uses up ECX
    movl    $WORK, %ecx
1:
    decl    %ecx
    jnz     1b
    ret

packet:
    push    %ecx
#ifdef FIXED
    incl    received
#else
    call    work
#endif
    PIC_EOI 10
    pop     %ecx
    iret

played:
    movl    $1, AUDIO+AUDIO_STATUS
    movl    $1, AUDIO+AUDIO_FILLED      # with silence: the half is as it was
    PIC_EOI 11
    iret

    VAR     received
    VAR     done
    VAR     periods
    VAR     underruns
    VAR     sound, 2*BYTES
