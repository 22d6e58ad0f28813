/*
 * In the fast gear the instructions of a block count as begun when it begins, if no boundary within it asks for a look
 * before. Who comes in its middle (a fault, a device's registers) is told which instruction it is, and so settles the
 * count first; what may make something due there leaves the block before it, to run alone.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/coverage.h"
#include "core/trigger.h"
#include "core/vcpu.h"
#include "unicorn/uc.h"

enum { PLACE_BITS = 1 << 16, ROOM = 8 /* instructions before the next look for which blocks of one are left */ };

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

static bool is_awaited(const vmm_vcpu *v, const vmm_block *b) /* some instruction of it but the first may be */
{
    for (uint32_t i = 1; i < b->count; i++)
        if (may_be_awaited(v, block_pc(b, i)))
            return true;
    return false;
}

bool block_counts_whole(const vmm_vcpu *v, const vmm_block *b)
{
    bool fits = v->attention_at > v->count && b->count <= v->attention_at - v->count;
    return fits && !coverage_watch(v->machine) && !(v->awaits && is_awaited(v, b));
}

bool block_may_be_whole(const vmm_vcpu *v)
{
    return v->attention_at > v->count && v->attention_at - v->count > ROOM && !coverage_watch(v->machine);
}

static void ends_at(vmm_vcpu *v, uint64_t pc)
{
    v->places[place_of(pc) / 64] |= 1ull << place_of(pc) % 64;
}

bool block_must_end(const vmm_vcpu *v, uint64_t pc)
{
    return v->places[place_of(pc) / 64] >> place_of(pc) % 64 & 1;
}

void block_left(vmm_vcpu *v, uint64_t pc)
{
    const vmm_block *b = v->block;
    uint32_t index = block_index(b, pc);
    block_settle(v, index < b->count ? index + 1 : b->count);
}

bool block_goes_on(vmm_vcpu *v, uint64_t pc, uintptr_t host_pc)
{
    vmm_block *b = v->block;
    uint32_t index = block_index(b, pc);
    bool last = index + 1 >= b->count;
    if (last) {
        b->last_host = host_pc;
        block_over(v);
        return true;
    }
    block_settle(v, index);
    ends_at(v, pc);
    uc_block_forget(b);
    return false;
}

static bool attached(vmm_vcpu *v, bool (*attach)(vmm_vcpu *v))
{
    v->places = calloc(1, PLACE_BITS / 8);
    v->device_access = uc_device_access(v);
    return v->places && vcpu_owns(v, v->places) && v->device_access && (!attach || attach(v));
}

int block_open(vmm_vcpu *v, int model, int (*open)(vmm_vcpu *v, int model), bool (*attach)(vmm_vcpu *v))
{
    vmm_machine *m = v->machine;
    uc_blocks_opening(m->fast);
    int failed = open(v, model);
    uc_blocks_opening(false);
    if (failed || !m->fast || attached(v, attach))
        return failed;
    uc.close(v->uc); /* its blocks tell, and are not to */
    v->uc = NULL;
    m->fast = 0;
    return open(v, model);
}
