/* A handler calls a routine whose page is not present, and the page fault's handler waits for the disk's interrupt. */
#include "x86/guest.h"
#include "disk.h"

#define CR0_PG_BIT  0x80000000
#define CR4_PSE     0x10
#define PRESENT     1
#define WRITABLE    2
#define LARGE       0x80
#define DEVICES     0xFE800000
#define IF          0x200
#define SAVED_FLAGS 44                  /* above PUSHA, the error code, EIP and CS */
#define SWAP        7                   /* the block that has the routine's page */
#define SEEK        50                  /* microseconds */

    GUEST_PROTECTED32
    IDT_GATE 14, page_fault
    IDT_GATE 0x25, device               # IRQ 5
    IDT_GATE 0x2E, disk                 # IRQ 14
    movl    $PRESENT | WRITABLE, %eax
    movl    $table, %edi
    movl    $1024, %ecx
map:
    movl    %eax, (%edi)
    addl    $4096, %eax
    addl    $4, %edi
    loop    map
    movl    $table + PRESENT + WRITABLE, directory
    movl    $DEVICES + PRESENT + WRITABLE + LARGE, directory + (DEVICES >> 22) * 4
    movl    $CR4_PSE, %eax
    movl    %eax, %cr4
    movl    $directory, %eax
    movl    %eax, %cr3
    movl    %cr0, %eax
    orl     $CR0_PG_BIT, %eax
    movl    %eax, %cr0

    movl    $SWAP, DISK+DISK_BLOCK
    movl    $work, DISK+DISK_ADDRESS
    movl    $DISK_WRITE, DISK+DISK_COMMAND
1:
    cmpl    $0, DISK+DISK_COMMAND
    jne     1b
    movl    $1, DISK+DISK_STATUS
    movl    $0, work                    # its frame is another's
    movl    $work, %ebx
    shrl    $12, %ebx
    andl    $~PRESENT, table(,%ebx,4)
    invlpg  work
    movl    $SEEK, DISK+DISK_SEEK
    PIC_UNMASK 5
    PIC_UNMASK 14
    sti
#ifdef FIXED
    call    work                        # wired: here before anything masks interrupts
#endif
    nop
begin:
    cmpl    $1, served
    jne     begin
    POWER_OFF

device:
    call    work
    movl    $1, served
    PIC_EOI 5
    iret

disk:
    movl    $1, DISK+DISK_STATUS
    movl    $1, arrived
    PIC_EOI 14
    iret

page_fault:
    pusha
ask:
    movl    $DISK_READ, DISK+DISK_COMMAND
    testl   $IF, SAVED_FLAGS(%esp)
    jz      wait
    sti                                 # as it was where the fault came from
wait:
    cmpl    $0, arrived
    je      wait
    cli
    movl    $work, %ebx
    shrl    $12, %ebx
    orl     $PRESENT, table(,%ebx,4)
    popa
    addl    $4, %esp                    # the error code
    iret

    .balign 4096
work:
    incl    done
    ret
    .balign 4096

    VAR     arrived
    VAR     served
    VAR     done
    .section .bss
    .balign 4096
directory:
    .skip   4096
table:
    .skip   4096
