/* Translated blocks, known by the instructions in them, which tell of themselves as they begin. */
#ifndef VMM_UC_BLOCKS_H
#define VMM_UC_BLOCKS_H

#include <stdbool.h>

#include "unicorn/uc_translate.h"

struct vmm_block {
    vmm_vcpu *v;
    void *tb;            /* Unicorn's */
    uint64_t first;      /* linear addresses of its first and last instruction */
    uint64_t last;
    uint64_t base;       /* linear address less program counter */
    uint64_t mask;       /* which bits linear addresses have */
    uintptr_t last_host; /* where translated code of the last instruction was left before, to go on; 0: not yet */
    uintptr_t exit_host; /* and for good, where it has a hook */
    uint32_t flags;      /* by which Unicorn finds it, beside its address */
    uint32_t unawaited;  /* for this setting of the vCPU's nobody may await any of its instructions; 0: that is not known */
    uint16_t count;
    uint8_t careful;     /* it is looked at each time it begins */
    uint8_t hooked;      /* before its last instruction Unicorn has computed the flags that were put off */
    uint8_t casts;       /* its last instruction may keep interrupts off behind it */
    uint8_t conditional; /* its one instruction may be skipped, and does not count then */
    uint8_t asks;        /* it is none: within one, an access to memory is over */
    uint16_t at[];       /* of each instruction, from the first */
};

typedef void (*uc_block_begins)(vmm_block *b);

/* Once a process and target; `begins` is called at the begin of each block that one of our vCPUs has. The line that says why
   not, or NULL. */
const char *uc_watch_blocks_x86(void *library, uc_block_begins begins);
const char *uc_watch_blocks_aarch64(void *library, uc_block_begins begins);
const char *uc_watch_blocks_arm(void *library, uc_block_begins begins);

void uc_blocks_opening(bool ours); /* on this thread: an instance is opened whose blocks tell, or runs for us alone */
void uc_block_forget(vmm_block *b); /* it is translated anew the next time */
void uc_blocks_free(vmm_vcpu *v);   /* none of it is translated any more */

bool uc_blocks_attach(vmm_vcpu *v); /* v->device_access, v->next_block; false: Unicorn's CPU object has another shape */

/* While a block is translated, of that vCPU; NULL: of somebody else's. */
void uc_block_open(vmm_vcpu *v, void *tb, uint64_t base, uint64_t mask, uint32_t flags);
bool uc_block_insn(uint64_t pc, const uc_verdict *verdict); /* true: it must be the last */
void uc_block_close(void);

#endif
