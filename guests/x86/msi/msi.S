/*
 * Message signalled interrupts (SDM 3A 11.11): a device's write to FEExxxxxh is an interrupt. Address bits 19:12 are
 * the destination, bit 2 makes it logical, bit 3 lets the platform choose one of them; data is what an IOAPIC entry's
 * low half would be. The pc board takes a CPU's write outside its own APIC's page for a device's, so the guest plays
 * the device.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define VECTOR          0x41
#define LEVEL           0xC000          /* level, asserted */

#define TO(id)          (0xFEE00000 | (id) << 12)
#define LOGICAL         0x4
#define ONE             0x8
#define FIXED(vector)   (vector)
#define LOWEST(vector)  (0x100 | (vector))
#define NMI             0x400

    GUEST_PROTECTED32
    IDT_GATE VECTOR, handler
    IDT_GATE VECTOR_NMI, nmi
    SMP_START second, 1
    LAPIC_WRITE LAPIC_LDR, $(1<<24)
    WAIT_FOR ready, 1

    movl    $FIXED(VECTOR), TO(1)
    WAIT_FOR taken+4, 1
    call    window
    CHECK_EQ taken+0, $0, "a message goes to the CPU with the id in its address"
    CHECK_EQ level+4, $0, "and is an edge"

    movl    $FIXED(VECTOR), TO(1)+LOGICAL
    call    window
    CHECK_EQ taken+0, $1, "a logical destination is a set of CPUs: 1 is the first"
    movl    $FIXED(VECTOR), TO(3)+LOGICAL
    call    window
    WAIT_FOR taken+4, 2
    CHECK_EQ taken+0, $2, "3 is both"

    movl    $LOWEST(VECTOR), TO(3)+LOGICAL+ONE
until_one:
    call    window
    movl    taken+0, %eax
    addl    taken+4, %eax
    cmpl    $5, %eax
    jb      until_one
    SLEEP   1000
    movl    taken+0, %eax
    addl    taken+4, %eax
    CHECK_EQ %eax, $5, "redirected to the lowest priority it is one of them, once"

    movl    $(LEVEL|FIXED(VECTOR)), TO(1)+LOGICAL
    call    window
    CHECK_EQ level+0, $BIT(VECTOR), "a message may say that it is a level"
    movl    $FIXED(VECTOR), TO(1)+LOGICAL
    call    window
    CHECK_EQ level+0, $0, "TMR is what the last one said"

    movl    $NMI, TO(1)
    WAIT_FOR nmis+4, 1
    CHECK_EQ nmis+0, $0, "a message may be an NMI"
    POWER_OFF

window:
    sti
    .rept   4
    nop
    .endr
    cli
    ret

second:
    LAPIC_WRITE LAPIC_LDR, $(2<<24)
    movl    $1, ready
idle:
    sti
    hlt
    jmp     idle

handler:
    pushl   %eax
    pushl   %ebx
    MY_NUMBER
    movl    TMR(VECTOR), %ebx
    movl    %ebx, level(,%eax,4)
    incl    taken(,%eax,4)
    LAPIC_EOI_NOW
    popl    %ebx
    popl    %eax
    iret

nmi:
    pushl   %eax
    MY_NUMBER
    incl    nmis(,%eax,4)
    popl    %eax
    iret

    VAR     ready
    VAR     taken, 8
    VAR     level, 8
    VAR     nmis, 8
