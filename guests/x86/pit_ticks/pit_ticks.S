/*
 * A clock: channel 0 of the 8254 divides 1.193182 MHz down to 1000 Hz (mode 2, 8254 datasheet), a handler counts the
 * ticks on IRQ 0, and the program sleeps in HLT between them (SDM 2A HLT: RIP in the frame is after it).
 */
#include "x86/guest.h"

#define HZ      1000
#define TICKS   100

    GUEST_PROTECTED32
    IDT_GATE 0x20, tick
    PIT_PERIODIC HZ
    PIC_UNMASK 0
    sti
sleep:
    hlt
awake:
    cmpl    $TICKS, ticks
    jb      sleep
    cli
    CHECK_EQ ticks, $TICKS, "HLT slept through no tick"
    CHECK_EQ resumed, $awake, "a tick that wakes HLT returns behind it"
    PRINT_DEC ticks
    PRINT   " ticks of 1/"
    PRINT_DEC $HZ
    PRINT   " s\n"
    POWER_OFF

tick:
    incl    ticks
    SAVE    ax
    movl    4(%esp), %eax
    movl    %eax, resumed
    RESTORE ax
    PIC_EOI
    iret

    VAR     ticks
    VAR     resumed
