/* Masked, nested, entry: what one interrupt waits for, each by itself short enough. */
#include "x86/guest.h"

#ifdef FIXED
#define MASKED  200                     /* instructions that the program's section has */
#else
#define MASKED  400
#endif
#define MOST    1024
#define WORK    150                     /* rounds of the alarm's work */

    GUEST_PROTECTED32
    IDT_GATE 0x25, alarm                # IRQ 5
    IDT_GATE 0x26, sensor               # IRQ 6, of lower priority
    PIC_UNMASK 5
    PIC_UNMASK 6
    movl    $section_end, %eax
    subl    masked, %eax
    sti
    nop                                 # the shadow of STI
    cli
section:
    jmp     *%eax
    .rept   MOST                        # a NOP is one byte long
    nop
    .endr
section_end:
    sti
wait:
    cmpl    $1, measured
    jb      wait
    POWER_OFF

alarm:
    push    %ecx
    PIC_EOI 5
    movl    $WORK, %ecx
1:
    decl    %ecx
    jnz     1b
    pop     %ecx
    iret

sensor:
    pusha
    PIC_EOI 6
    incl    measured
    popa
    iret

    .data
masked:
    .long   MASKED
    VAR     measured
