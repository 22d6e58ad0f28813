/*
 * A data abort that is repaired (DDI0487 D1.10, ESR_EL1): the load and the store touch memory that is not mapped, the
 * handler finds out what and where from ESR_EL1 and FAR_EL1, maps it, and returns to the instruction, which then
 * succeeds.
 */
#include "arm64/guest.h"

#define RAM     0x40000000
#define ALIAS   0x80000000              /* unmapped, until the handler maps RAM there too */
#define DFSC_TRANSLATION1 0x05          /* DFSC */

    GUEST   sync=abort
    MMU_ON
    mov     x19, #0                     // aborts
    ldr     x11, =(secret+ALIAS-RAM)
load:
    ldr     w0, [x11]
    CHECK_EQ x0, 0xCAFE, "the load is done again and finds the value"
    CHECK_EQ x19, 1, "after one abort"
    CHECK_EQ x20, load, "ELR: the load itself"
    CHECK_EQ x21, (secret+ALIAS-RAM), "FAR: the address it used"
    lsr     x0, x22, #ESR_EC_SHIFT
    CHECK_EQ x0, EC_ABORT_SAME, "ESR.EC: a data abort in the same EL"
    and     x0, x22, #(ESR_WNR|0x3F)
    CHECK_EQ x0, DFSC_TRANSLATION1, "ESR: a read, translation fault, level 1"

    UNMAP   ALIAS
    mov     w0, #0xBEEF
store:
    str     w0, [x11]
    CHECK_EQ x19, 2, "unmapped again, a store aborts"
    CHECK_EQ x20, store, "ELR: the store"
    and     x0, x22, #(ESR_WNR|0x3F)
    CHECK_EQ x0, (ESR_WNR|DFSC_TRANSLATION1), "ESR: a write"
    CHECK_AT secret, 0xBEEF, "the store is done again and arrives"
    POWER_OFF

abort:
    mrs     x20, elr_el1
    mrs     x21, far_el1
    mrs     x22, esr_el1
    add     x19, x19, #1
    MAP     ALIAS, RAM, BLOCK_RAM
    eret

    .data
    .balign 4
secret:
    .word   0xCAFE
