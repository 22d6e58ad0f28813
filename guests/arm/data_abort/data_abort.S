/*
 * A data abort that is repaired (DDI0406 B1.9.8): the load and the store touch memory that is not mapped, the
 * handler finds out what and where from DFSR and DFAR, maps it, and returns to the instruction, which then succeeds.
 */
#include "arm/guest.h"

#define RAM     0x40000000
#define ALIAS   0x80000000              /* unmapped, until the handler maps RAM there too */
#define FS_TRANSLATION1 0x05            /* of a section */

    GUEST   data_abort=abort
    MMU_ON
    mov     r4, #0                      // aborts
    MOV32   r8, secret
    add     r8, r8, #(ALIAS-RAM)
load:
    ldr     r0, [r8]
    CHECK_EQ r0, 0xCAFE, "the load is done again and finds the value"
    CHECK_EQ r4, 1, "after one abort"
    CHECK_EQ r5, (load+8), "LR_abt is the load, 8 bytes on"
    cmp     r6, r8
    CHECK_IF eq, "DFAR: the address it used"
    MOV32   r9, (DFSR_WNR|DFSR_FS)
    and     r0, r7, r9
    CHECK_EQ r0, FS_TRANSLATION1, "DFSR: a read, translation fault, first level"

    UNMAP   ALIAS
    mov     r0, #0xBE
store:
    str     r0, [r8]
    CHECK_EQ r4, 2, "unmapped again, a store aborts"
    CHECK_EQ r5, (store+8), "LR_abt is the store, 8 bytes on"
    and     r0, r7, r9
    CHECK_EQ r0, (DFSR_WNR|FS_TRANSLATION1), "DFSR: a write"
    CHECK_AT secret, 0xBE, "the store is done again and arrives"
    POWER_OFF

abort:
    mov     r5, lr
    SYS_READ r6, DFAR
    SYS_READ r7, DFSR
    add     r4, r4, #1
    MAP     ALIAS, RAM, SECTION_RAM
    subs    pc, lr, #8

    .data
    .balign 4
secret:
    .word   0xCAFE
