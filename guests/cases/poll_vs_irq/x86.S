/* A network card whose driver is interrupted for each packet, or asks, or does both. */
#include "x86/guest.h"
#include "nic.h"

#define ALWAYS_INTERRUPTS 0
#define BOTH    1
#define ALWAYS_ASKS 2
#ifdef FIXED
#define MODE    BOTH
#else
#define MODE    ALWAYS_INTERRUPTS
#endif
#define PACKETS 200
#define ENTRIES 256
#define BYTES   64
#define PIECE   450                     /* rounds of the program's work between two looks at the card */
#define ENTRY   200                     /* rounds of what an interrupt costs, whatever it is for */
#define READ    50                      /* rounds of what a read of the card costs */

    GUEST_PROTECTED32
    IDT_GATE 0x2A, network              # IRQ 10
    PIC_UNMASK 10
    movl    $ring, %edi
    movl    $buffers, %eax
    movl    $ENTRIES, %ecx
fill:
    movl    %eax, (%edi)
    movl    $BYTES, 4(%edi)
    addl    $BYTES, %eax
    addl    $16, %edi
    loop    fill
    movl    $ENTRIES, NIC+NIC_ENTRIES
    movl    $ring, NIC+NIC_RING
    movl    $ENTRIES, NIC+NIC_TAIL
    movl    mode, %ebp
    movl    $NIC_RECEIVE, NIC+NIC_CONTROL
    movl    $1, asks
    cmpl    $ALWAYS_ASKS, %ebp
    je      begin
    movl    $NIC_RECEIVE + NIC_INTERRUPT, NIC+NIC_CONTROL
    movl    $0, asks
begin:
    sti
loop:
    movl    $PIECE, %ecx
1:
    decl    %ecx
    jnz     1b
    incl    pieces
    cmpl    $PACKETS, taken
    je      over
    cmpl    $0, asks
    je      loop
    movl    $1, NIC+NIC_STATUS          # before it looks: what comes behind that sets it again
    movl    taken, %edi
    call    take
    cmpl    taken, %edi
    jne     loop
    cmpl    $ALWAYS_ASKS, %ebp
    je      loop
    movl    $0, asks                    # nothing: from here on it interrupts again
    movl    $NIC_RECEIVE + NIC_INTERRUPT, NIC+NIC_CONTROL
    jmp     loop
over:
    POWER_OFF

network:
    pusha
    movl    $ENTRY, %ecx
1:
    decl    %ecx
    jnz     1b
    movl    $1, NIC+NIC_STATUS
    cmpl    $ALWAYS_INTERRUPTS, %ebp
    jne     quiet
    call    take
    jmp     leave
quiet:
    movl    $NIC_RECEIVE, NIC+NIC_CONTROL
    movl    $1, asks
leave:
    PIC_EOI 10
    popa
    iret

take:                                   # what has come by now; uses up EAX, EBX, ECX, EDX, ESI
    movl    $READ, %ecx
1:
    decl    %ecx
    jnz     1b
    movl    NIC+NIC_HEAD, %ebx
next:
    movl    taken, %eax
    cmpl    %ebx, %eax
    je      1f
    andl    $ENTRIES-1, %eax
    shll    $4, %eax
    movl    ring(%eax), %esi
    xorl    %edx, %edx
    movl    $BYTES/4, %ecx
2:
    addl    (%esi), %edx
    adcl    $0, %edx
    addl    $4, %esi
    decl    %ecx
    jnz     2b
    addl    %edx, sum
    incl    taken
    movl    taken, %eax
    addl    $ENTRIES, %eax
    movl    %eax, NIC+NIC_TAIL
    jmp     next
1:
    ret

    .data
mode:
    .long   MODE
    VAR     asks
    VAR     pieces
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
