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
bool block_is_awaited(const vmm_vcpu *v, vmm_block *b); /* some instruction of it but the first may be */
void block_ends_at(vmm_vcpu *v, uint64_t pc); /* from now on, where it is translated */
bool block_must_end(const vmm_vcpu *v, uint64_t pc);

#endif
