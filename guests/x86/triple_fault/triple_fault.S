/*
 * Three faults in a row are the end (SDM 3A 6.15, interrupt 8): with an empty IDT #UD cannot be delivered, nor the #GP
 * for that, nor the double fault. The processor shuts down; a PC resets.
 */
#include "x86/guest.h"

    GUEST_PROTECTED32
    PRINT   "No IDT, and an undefined instruction: shutdown comes next\n"
    lidt    no_idt
    ud2
    FAIL    "nothing runs after a shutdown"

    .section .rodata
no_idt:
    .word   0
    .long   0
