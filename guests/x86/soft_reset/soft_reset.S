/*
 * A soft reset of a PC (IBM PC/AT Technical Reference, "BIOS"): INIT leaves RAM and devices alone and starts the boot
 * processor at its reset vector, where firmware reads the shutdown status from CMOS 0Fh. 0Ah and 05h jump through
 * 40h:67h, the way back from protected mode on an 80286, 05h with an end of interrupt; else the image boots once more.
 */
#include "x86/guest.h"

#define SYSTEM_A        0x92
#define   FAST_INIT     0x01
#define KEYBOARD        0x64
#define   PULSE_RESET   0xFE
#define RESET_CONTROL   0xCF9
#define   RESET_CPU     0x04
#define CMOS            0x70
#define CMOS_DATA       0x71
#define   SHUTDOWN      0x0F
#define RESUME_POINTER  0x467
#define BOOTS           0x600           /* a word that no image covers: zero when the PC is switched on */

.macro ON_RESET status, where
    OUT_BYTE CMOS, SHUTDOWN
    OUT_BYTE CMOS_DATA, \status
    movw    $\where, RESUME_POINTER
    movw    $0, RESUME_POINTER+2
.endm

.macro SEGMENTS                         # firmware leaves DS at 40h, INIT SS:SP at 0
    xorw    %ax, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    movl    $REAL_STACK, %esp
.endm

    GUEST_REAL16
    incw    BOOTS
    cmpw    $1, BOOTS
    jne     second_boot
    inb     $SYSTEM_A, %al
    testb   $FAST_INIT, %al
    CHECK_IF z, "power-on leaves bit 0 of port 92h clear"

    ON_RESET 0x0A, after_port_92
    movl    $0x1234, kept
    movl    $0x5678, %ebx
    inb     $SYSTEM_A, %al
    orb     $FAST_INIT, %al
    outb    %al, $SYSTEM_A
    FAIL    "port 92h, bit 0 rising, is INIT"

after_port_92:
    SEGMENTS
    PASS    "port 92h, bit 0 rising, is INIT, and status 0Ah goes on at 40h:67h"
    CHECK_EQ %ebx, $0, "registers are lost"
    CHECK_EQ kept, $0x1234, "memory is not"
    inb     $SYSTEM_A, %al
    testb   $FAST_INIT, %al
    CHECK_IF nz, "nor is port 92h: by this a guest knows INIT from a hard reset"
    OUT_BYTE CMOS, SHUTDOWN
    inb     $CMOS_DATA, %al
    CHECK_EQ %al, $0, "the status counts once", b

    movl    $MSR_APIC_BASE, %ecx        # INIT has masked LINT0: without local APIC that is INTR (SDM 3A 11.4.3)
    rdmsr
    andl    $~BASE_ENABLE, %eax
    wrmsr
    IVT_GATE 0x25, handler
    PIC_UNMASK 5
    RAISE   5
    sti
    nop
    FAIL    "IRQ 5 comes"
handler:
    LOWER   5
    PIC_READ PIC1, OCW3_READ_ISR
    CHECK_EQ %al, $0x20, "IRQ 5 is in service", b
    ON_RESET 0x0A, still_in_service
    OUT_BYTE KEYBOARD, PULSE_RESET
    FAIL    "the keyboard controller's command FEh is INIT"

still_in_service:
    SEGMENTS
    PASS    "the keyboard controller's command FEh is INIT"
    PIC_READ PIC1, OCW3_READ_ISR
    CHECK_EQ %al, $0x20, "status 0Ah leaves it in service", b
    ON_RESET 0x05, ended
    OUT_BYTE RESET_CONTROL, RESET_CPU
    FAIL    "port CF9h, bit 2 without bit 1, is INIT"

ended:
    SEGMENTS
    PASS    "port CF9h, bit 2 without bit 1, is INIT"
    PIC_READ PIC1, OCW3_READ_ISR
    CHECK_EQ %al, $0, "status 05h ends it", b
    OUT_BYTE KEYBOARD, PULSE_RESET
    FAIL    "without a status the image boots again"

second_boot:
    CHECK_EQ BOOTS, $2, "without a status the image boots again, in the same RAM", w
    CHECK_EQ kept, $0, "where its own segments are as in its file"
    POWER_OFF

    VAR     kept
