/*
 * In the fast gear the instructions of a block count as begun when it begins, if no boundary within it asks for a look
 * before. Who comes in its middle (a fault, a device's registers) is told which instruction it is, and so settles the
 * count first; what may make something due there leaves the block before it, to run alone.
 */
#include "core/block.h"
#include "core/trigger.h"

enum { PLACE_BITS = 1 << 16 };

static uint64_t place_of(uint64_t pc)
{
    return (pc ^ pc >> 16) & (PLACE_BITS - 1);
}

/* Backwards from the last, as far as `recent` reaches. */
static void bring_up_to_date(vmm_vcpu *v, uint32_t begun)
{
    uint32_t known = v->block_count < VMM_RECENT ? v->block_count : VMM_RECENT;
    uint64_t at = v->count, oldest = at > VMM_RECENT ? at - VMM_RECENT : 0;
    for (uint32_t n = 1; n <= known && at > oldest; n++) {
        const vmm_block *b = v->blocks[(v->block_count - n) & (VMM_RECENT - 1)];
        for (uint32_t i = n == 1 ? begun : b->count; i-- > 0 && at > oldest;)
            v->recent[--at & (VMM_RECENT - 1)] = block_pc(b, i);
    }
    v->block_count = 0;
}

void block_settle(vmm_vcpu *v, uint32_t begun)
{
    const vmm_block *b = v->block;
    if (!b)
        return;
    v->count -= b->count - begun;
    if (!begun)
        v->flags_before = v->flags_earlier;
    bring_up_to_date(v, begun);
    v->block = NULL;
}

void block_over(vmm_vcpu *v)
{
    if (v->block)
        block_settle(v, v->block->count);
}

uint32_t block_index(const vmm_block *b, uint64_t pc)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (block_pc(b, i) == pc)
            return i;
    return b->count;
}

bool block_is_awaited(const vmm_vcpu *v, vmm_block *b)
{
    for (uint32_t i = 1; i < b->count; i++)
        if (may_be_awaited(v, block_pc(b, i)))
            return true;
    if (!may_be_awaited(v, b->first))
        b->unawaited = v->awaits;
    return false;
}

void block_ends_at(vmm_vcpu *v, uint64_t pc)
{
    v->places[place_of(pc) / 64] |= 1ull << place_of(pc) % 64;
}

bool block_must_end(const vmm_vcpu *v, uint64_t pc)
{
    return v->places[place_of(pc) / 64] >> place_of(pc) % 64 & 1;
}
