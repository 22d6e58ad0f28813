/* The program reads a position of two words, which a handler moves: between the two loads the halves do not belong together. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, moved                # IRQ 5
    PIC_UNMASK 5
    sti
    nop                                 # the shadow of STI
begin:
#ifdef FIXED
    movl    moves, %edx
#endif
    movl    position, %eax
    movl    position + 4, %ecx
#ifdef FIXED
    cmpl    moves, %edx
    jne     begin
#endif
    subl    %ecx, %eax
    movl    %eax, apart
    cmpl    $0, ready                   # the flag comes behind the word: this is safe
    je      end
    cmpl    $7, word
    setne   unready
end:
    nop
    POWER_OFF

moved:
    incl    position
    incl    position + 4
    incl    moves
    movl    $7, word
    movl    $1, ready
    PIC_EOI 5
    iret

    VAR     position, 8
    VAR     moves
    VAR     apart
    VAR     word
    VAR     ready
    VAR     unready
