/* A handler calls a routine whose page is not present, and the page fault's handler waits for the disk's interrupt. */
#include "arm/guest.h"
#include "virt/gicv2.inc"
#include "disk.h"

#define RAM         0x40000000
#define PAGED       0x80000000          /* where the routine is mapped, when it is */
#define DEVICE      SPI(5)
#define SWAPPED     SPI(6)
#define PSR_I       (1 << 7)
#define SAVED_PSR   28                  /* above R0-R3, R12, LR and the return address */
#define SWAP        7                   /* the block that has the routine's page */
#define SEEK        50                  /* microseconds */

    GUEST   irq=interrupt, prefetch_abort=page_fault
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
    MOV32   r4, served
    cpsie   i
#ifdef FIXED
    bl      call                        // wired: here before anything masks interrupts
#endif
    nop
begin:
    ldr     r0, [r4]
    cmp     r0, #0
    beq     begin
    POWER_OFF

interrupt:
    IRQ_ENTER
    GIC_ACK r0
    push    {r0, lr}
    cmp     r0, #SWAPPED
    beq     disk
    bl      call
    STORE   served, 1
    b       leave
disk:
    STORE   (DISK+DISK_STATUS), 1
    STORE   arrived, 1
leave:
    pop     {r0, lr}
    GIC_EOI r0
    IRQ_LEAVE

call:
    MOV32   r1, work
    add     r1, r1, #(PAGED-RAM)
    bx      r1

page_fault:
    IRQ_ENTER
ask:
    STORE   (DISK+DISK_COMMAND), DISK_READ
    ldr     r0, [sp, #SAVED_PSR]
    tst     r0, #PSR_I
    bne     masked
    cpsie   i                           // as it was where the fault came from
masked:
    MOV32   r1, arrived
wait:
    ldr     r0, [r1]
    cmp     r0, #0
    beq     wait
    cpsid   i
    MAP     PAGED, RAM, SECTION_RAM
    IRQ_LEAVE

    .balign 4096
work:
    INCREMENT done
    bx      lr
    .balign 4096

    VAR     arrived
    VAR     served
    VAR     done
