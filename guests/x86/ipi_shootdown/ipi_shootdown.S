/*
 * TLB shootdown (SDM 3A 4.10.5): a CPU may use a translation it has cached after the page tables have changed. So the
 * CPU that changes them interrupts the others, each invalidates and says so, and only then is the old page used anew:
 * here it is filled with a word that nobody may ever see through the window.
 */
#include "x86/guest.h"
#include "x86/smp.inc"

#define OTHERS  3
#define ROUNDS  50
#define VECTOR  0x41

#define WINDOW  0x40000000
#define PDE     ((WINDOW) >> 22)
#define GOOD    0x600D
#define REUSED  0xBAD

#define PAGE    7                       /* present, writable, user */
#define LARGE   0x87                    /*   and 4 MiB */
#define CR4_PSE 0x10

.macro FILL value                       # the page at EDI
    pushl   %edi
    movl    $(\value), %eax
    movl    $1024, %ecx
    rep stosl
    popl    %edi
.endm

    GUEST_PROTECTED32
    IDT_GATE VECTOR, invalidate
    movl    $directory, %edi            # 4 GiB one to one
    movl    $LARGE, %eax
map:
    movl    %eax, (%edi)
    addl    $4, %edi
    addl    $0x400000, %eax
    jnc     map
    movl    $(window_table+PAGE), directory+4*PDE
    movl    $even, %edi
    FILL    GOOD
    movl    $(even+PAGE), window_table
    call    paging
    SMP_START reader, OTHERS
    WAIT_FOR warm, OTHERS

    movl    $even, %edi                 # the page behind the window, ESI: the next one
    movl    $odd, %esi
    movl    $OTHERS, %ebx
round:
    xchgl   %esi, %edi
    FILL    GOOD
    leal    PAGE(%edi), %eax
    movl    %eax, window_table
    invlpg  WINDOW
    LAPIC_SEND (ICR_OTHERS|ICR_FIXED|VECTOR)
until_all:
    pause
    cmpl    %ebx, done
    jne     until_all
    xchgl   %esi, %edi
    FILL    REUSED
    xchgl   %esi, %edi
    addl    $OTHERS, %ebx
    cmpl    $(OTHERS * ROUNDS), %ebx
    jbe     round

    CHECK_EQ done, $(OTHERS * ROUNDS), "each CPU has invalidated once a round"
    CHECK_EQ stale, $0, "nobody has seen a page after it was taken away"
    CHECK_EQ strange, $0, "nor anything but the two pages"
    POWER_OFF

paging:
    movl    %cr4, %eax
    orl     $CR4_PSE, %eax
    movl    %eax, %cr4
    movl    $directory, %eax
    movl    %eax, %cr3
    movl    %cr0, %eax
    orl     $CR0_PG, %eax
    movl    %eax, %cr0
    ret

reader:
    call    paging
    movl    WINDOW, %eax
    lock incl warm
    sti
read:
    pause
    movl    WINDOW, %eax
    cmpl    $GOOD, %eax
    je      read
    cmpl    $REUSED, %eax
    je      is_stale
    lock incl strange
    jmp     read
is_stale:
    lock incl stale
    jmp     read

invalidate:
    invlpg  WINDOW
    LAPIC_EOI_NOW
    lock incl done
    iret

    VAR     warm
    VAR     done
    VAR     stale
    VAR     strange

    .pushsection .bss.paging, "aw", @nobits
    .balign 4096
directory:
    .skip   4096
window_table:
    .skip   4096
even:
    .skip   4096
odd:
    .skip   4096
    .popsection
