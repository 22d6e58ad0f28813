/* A network card that collects packets before it interrupts. */
#include "x86/guest.h"
#include "nic.h"

#ifdef FIXED
#define COUNT   7                       /* packets for one interrupt */
#else
#define COUNT   8
#endif
#define QUIET   12                      /* or so many microseconds without one */
#define PACKETS 100
#define ENTRIES 32
#define BYTES   384
#define ENTRY   400                     /* rounds of what an interrupt costs, whatever it is for */

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
    movl    $QUIET, NIC+NIC_TIMER
    movl    count, %eax
    movl    %eax, NIC+NIC_COUNT
    movl    $NIC_RECEIVE + NIC_INTERRUPT, NIC+NIC_CONTROL
    sti
loop:
    incl    progress
    cmpl    $PACKETS, taken
    jb      loop
    POWER_OFF

network:
    pusha
    movl    $1, NIC+NIC_STATUS
    movl    NIC+NIC_HEAD, %ebx          # those that have come by now
    movl    $ENTRY, %ecx
1:
    decl    %ecx
    jnz     1b
next:
    movl    taken, %eax
    cmpl    %ebx, %eax
    je      last
    andl    $ENTRIES-1, %eax
    shll    $4, %eax
    movl    ring(%eax), %esi
    xorl    %edx, %edx
    movl    $BYTES/4, %ecx
1:
    addl    (%esi), %edx
    adcl    $0, %edx
    addl    $4, %esi
    decl    %ecx
    jnz     1b
    addl    %edx, sum
    incl    taken
    movl    taken, %eax
    addl    $ENTRIES, %eax
    movl    %eax, NIC+NIC_TAIL          # its buffer is the card's again
    jmp     next
last:
    PIC_EOI 10
    popa
    iret

    .data
count:
    .long   COUNT
    VAR     progress
    VAR     taken
    VAR     sum
    VAR     ring, 16*ENTRIES
    VAR     buffers, BYTES*ENTRIES
