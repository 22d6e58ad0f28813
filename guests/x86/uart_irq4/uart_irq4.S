/*
 * Input by interrupt: a 16550A hands every received byte to a handler on IRQ 4, which puts it into a ring; the program
 * takes it out when it has time (16550D datasheet, 8.6.7 interrupt enable; 8.6.8 modem control). In loopback mode the
 * transmitter feeds the receiver, so the guest types its own line.
 */
#include "x86/guest.h"

#define RING    16                      /* bytes, a power of two */

    GUEST_PROTECTED32
    IDT_GATE 0x24, received
    PIC_UNMASK 4
    OUT_BYTE COM1_MCR, MCR_LOOP
    OUT_BYTE COM1_IER, IER_RECEIVED
    sti

    movl    $typed, %esi
    movl    $line, %edi
next:
    lodsb
    movw    $COM1_DATA, %dx
    outb    %al, %dx
    call    read
    stosb
    cmpb    $'\n', %al
    jne     next
    cli

    OUT_BYTE COM1_IER, 0
    OUT_BYTE COM1_MCR, MCR_NORMAL
    movl    $typed, %esi
    movl    $line, %edi
    movl    $(typed_end - typed), %ecx
    repe cmpsb
    CHECK_IF e, "every byte came through the ring, in order"
    CHECK_EQ interrupts, $(typed_end - typed), "each byte was one interrupt"
    PRINT   "read: "
    movl    $line, %eax
    call    print32
    POWER_OFF

/* AL = the oldest byte in the ring; sleeps while there is none. */
read:
    cli
    movl    tail, %ebx
    cmpl    head, %ebx
    jne     ready
    sti
    hlt                                 # in the shadow of STI: a byte cannot slip in between
    jmp     read
ready:
    sti
    movb    ring(%ebx), %al
    incl    %ebx
    andl    $(RING - 1), %ebx
    movl    %ebx, tail
    ret

received:
    pusha
    incl    interrupts
    movw    $COM1_DATA, %dx
    inb     %dx, %al
    movl    head, %ebx
    movb    %al, ring(%ebx)
    incl    %ebx
    andl    $(RING - 1), %ebx
    movl    %ebx, head
    PIC_EOI
    popa
    iret

    .section .rodata
typed:
    .ascii  "interrupts work here\n"
typed_end:

    VAR     ring, RING
    VAR     head
    VAR     tail
    VAR     interrupts
    VAR     line, 64
