/* The fast gear's count: a block at a time, and exact wherever somebody looks. */
#ifndef VMM_BLOCK_H
#define VMM_BLOCK_H

#include "core/base.h"
#include "unicorn/uc_blocks.h"

static inline void block_begin(vmm_vcpu *v, vmm_block *b, uint64_t flags) /* all its instructions count from here */
{
    v->flags_earlier = v->flags_before;
    v->flags_before = flags;
    v->blocks[v->block_count++ & (VMM_RECENT - 1)] = b;
    v->count += b->count;
    v->block = v->begun = b;
}

static inline uint64_t block_pc(const vmm_block *b, uint32_t i) /* linear, of one of its instructions */
{
    return (b->first + b->at[i]) & b->mask;
}

void block_settle(vmm_vcpu *v, uint32_t begun); /* of the block under way so many instructions have begun */
void block_over(vmm_vcpu *v);                   /* all have; nothing where none is under way */
uint32_t block_index(const vmm_block *b, uint64_t pc); /* of its instruction at pc; b->count: there is none */
/* Somebody may await an instruction of it; known where the whole of it fitted since that was last set. */
static inline bool block_is_awaited(const vmm_vcpu *v, const vmm_block *b)
{
    return (v->awaits != 0) & (b->unawaited != v->awaits);
}

uint32_t block_fits(const vmm_vcpu *v, vmm_block *b); /* so many of its instructions may count at once, the first at least */
bool block_must_end(const vmm_vcpu *v, uint64_t pc); /* where it is translated */

static inline void block_next(vmm_vcpu *v, uint32_t most) /* that Unicorn executes has no more instructions; then leave this one */
{
    *v->next_block = most;
}

void block_rest(vmm_vcpu *v); /* Unicorn has returned */

/* Of the block under way translated code is left in the instruction at pc: for good, or to go on, which is admitted in its last
   one alone. False: it is left before that, as if it had not begun, and ends there from now on. */
void block_left(vmm_vcpu *v, uint64_t pc);
bool block_goes_on(vmm_vcpu *v, uint64_t pc, uintptr_t host_pc);

/* Open a vCPU's instance with blocks that tell of themselves, if the machine is in the fast gear: by `open`, which gives 0 or -1,
   then `attach`, NULL: nothing; the precise gear where that cannot be. */
int block_open(vmm_vcpu *v, int model, int (*open)(vmm_vcpu *v, int model), bool (*attach)(vmm_vcpu *v));

#endif
