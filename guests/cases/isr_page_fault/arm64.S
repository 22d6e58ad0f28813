/* A handler calls a routine whose page is not present, and the page fault's handler waits for the disk's interrupt. */
#include "arm64/guest.h"
#include "virt/gicv2.inc"

#define RAM         0x40000000
#define PAGED       0x80000000          /* where the routine is mapped, when it is */
#define DEVICE      SPI(5)
#define DISK        SPI(6)
#define SPSR_I      (1 << 7)

    GUEST   irq=interrupt, sync=page_fault
    MMU_ON
    GIC_INIT
    GIC_ENABLE DEVICE
    GIC_ENABLE DISK
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
    cmp     x0, #DISK
    b.eq    disk
    bl      call
    STORE   served, 1
    b       leave
disk:
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
    INCREMENT asked
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
    MAP     PAGED, RAM, BLOCK_RAM
    IRQ_LEAVE

work:
    INCREMENT done
    ret

    VAR     asked
    VAR     arrived
    VAR     served
    VAR     done
