/*
 * In the fast gear the instructions of a block count as begun when it begins, if no boundary within it asks for a look
 * before; else as many of them as come before that are a block for once. Who comes in its middle (a fault, a device's
 * registers) is told which instruction it is, and so settles the count first; what may make something due there leaves the
 * block before it, to run alone.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/coverage.h"
#include "core/trigger.h"
#include "core/vcpu.h"
#include "unicorn/uc.h"

enum { PLACE_BITS = 1 << 16 };

static uint64_t place_of(uint64_t pc)
{
    return (pc ^ pc >> 16) & (PLACE_BITS - 1);
}

static void remember(vmm_vcpu *v, const vmm_block *b, uint32_t begun)
{
    uint64_t at = v->count - begun;
    for (uint32_t i = 0; i < begun; i++)
        v->recent[at++ & (VMM_RECENT - 1)] = block_pc(b, i);
}

/* Backwards from the last, as far as `recent` reaches. */
static void bring_up_to_date(vmm_vcpu *v, uint32_t begun)
{
    if (v->block_count == 1) {
        remember(v, v->block, begun);
        v->block_count = 0;
        return;
    }
    uint32_t known = v->block_count < VMM_RECENT ? v->block_count : VMM_RECENT;
    uint64_t at = v->count, oldest = at > VMM_RECENT ? at - VMM_RECENT : 0;
    for (uint32_t n = 1; n <= known && at > oldest; n++) {
        const vmm_block *b = v->blocks[(v->block_count - n) & (VMM_RECENT - 1)];
        for (uint32_t i = n == 1 ? begun : b->count; i-- > 0 && at > oldest;)
            v->recent[--at & (VMM_RECENT - 1)] = block_pc(b, i);
    }
    v->block_count = 0;
}

void vmm_recent_known(vmm_vcpu *v)
{
    if (v->block)
        bring_up_to_date(v, v->block->count);
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

/* Somebody may wait for an instruction of it, but not for the first: the index of that one; `most`: nobody does. */
static uint32_t awaited(const vmm_vcpu *v, vmm_block *b, uint32_t most)
{
    for (uint32_t i = 1; i < most; i++)
        if (may_be_awaited(v, block_pc(b, i)))
            return i;
    if (most == b->count && !may_be_awaited(v, b->first))
        b->unawaited = v->awaits;
    return most;
}

uint32_t block_fits(const vmm_vcpu *v, vmm_block *b)
{
    const uint64_t at = __atomic_load_n(&v->attention_at, __ATOMIC_RELAXED); /* a signal may set it */
    uint64_t left = at > v->count ? at - v->count : 1;
    if (left == 1 || coverage_watch(v->machine))
        return 1;
    uint32_t most = left < b->count ? (uint32_t)left : b->count;
    return v->awaits ? awaited(v, b, most) : most;
}

void block_rest(vmm_vcpu *v)
{
    block_over(v);
    if (v->next_block)
        block_next(v, ~0u);
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
    return v->places && vcpu_owns(v, v->places) && uc_blocks_attach(v) && (!attach || attach(v));
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
