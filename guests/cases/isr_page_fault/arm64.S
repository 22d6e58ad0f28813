/* A handler calls a routine whose page is not present, and the page fault's handler waits for the disk's interrupt. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"
#include "disk.h"

#define RAM         0x40000000
#define PAGED       0x80000000          /* where the routine is mapped, when it is */
#define DEVICE      SPI(5)
#define SWAPPED     SPI(6)
#define SPSR_I      (1 << 7)
#define SWAP        7                   /* the block that has the routine's page */
#define SEEK        50                  /* microseconds */

    GUEST   irq=interrupt, sync=page_fault
    MMU_ON
    STORE   (DISK+DISK_BLOCK), SWAP
    STORE   (DISK+DISK_ADDRESS), work
    STORE   (DISK+DISK_COMMAND), DISK_WRITE
    WAIT_CLEAR (DISK+DISK_COMMAND), DISK_WRITE
    STORE   (DISK+DISK_STATUS), 1
    STORE   work, 0                     // its frame is another's
    STORE   (DISK+DISK_SEEK), SEEK
    GIC_INIT
    GIC_ENABLE DEVICE
    GIC_ENABLE SWAPPED
    ldr     x4, =served
    msr     daifclr, #DAIF_I
#ifdef FIXED
    bl      call                        // wired: here before anything masks interrupts
#endif
    nop
begin:
    ldr     w0, [x4]
    cbz     w0, begin
    POWER_OFF

interrupt:
    IRQ_ENTER
    GIC_ACK x0
    PUSH    x0, x30
    cmp     x0, #SWAPPED
    b.eq    disk
    bl      call
    STORE   served, 1
    b       leave
disk:
    STORE   (DISK+DISK_STATUS), 1
    STORE   arrived, 1
leave:
    POP     x0, x30
    GIC_EOI x0
    IRQ_LEAVE

call:
    ldr     x1, =(work+PAGED-RAM)
    br      x1

page_fault:
    IRQ_ENTER
ask:
    STORE   (DISK+DISK_COMMAND), DISK_READ
    mrs     x0, spsr_el1
    tst     x0, #SPSR_I
    b.ne    masked
    msr     daifclr, #DAIF_I            // as it was where the fault came from
masked:
    ldr     x1, =arrived
wait:
    ldr     w0, [x1]
    cbz     w0, wait
    msr     daifset, #DAIF_I
    ic      iallu                       // the routine is new there
    MAP     PAGED, RAM, BLOCK_RAM
    IRQ_LEAVE

    .balign 4096
work:
    INCREMENT done
    ret
    .balign 4096

    VAR     arrived
    VAR     served
    VAR     done
