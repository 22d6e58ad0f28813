/*
 * The fast gear: a look before each block. Its instructions count as begun at once where no boundary within it asks for a
 * look; else they come one by one, in blocks of one, until there is room for whole ones again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/boundary.h"
#include "core/clock.h"
#include "unicorn/uc_blocks.h"
#include "x86/x86.h"

enum { ROOM = 8 }; /* instructions before the next look for which blocks of one are left */

static uint64_t linear_pc(const vmm_vcpu *v, const vmm_block *b)
{
    return (env_of(v)->eip + b->base) & b->mask;
}

static void one_by_one(vmm_vcpu *v)
{
    env_of(v)->hflags |= HF_STEP;
    x86_leave_translated_code(v);
}

static __attribute__((noreturn)) void leave_for_good(vmm_vcpu *v, uintptr_t host_pc)
{
    x86_restored(v, host_pc);
    vcpu_leave(v);
    x86_leave_translated_code(v);
}

static void let_go(vmm_vcpu *v)
{
    v->held = 0;
    vcpu_rearm(v);
}

/* Chained blocks leave RIP as it was. */
static __attribute__((noinline)) void look(vmm_vcpu *v, vmm_block *b, uintptr_t host_pc)
{
    if (b->asks) {
        if (v->machine->stop.reason == VMM_STOP_UNMAPPED)
            leave_for_good(v, host_pc);
        return;
    }
    block_over(v);
    v->begun = b;
    env_of(v)->eip = (b->first - b->base) & b->mask;
    if (!b->count) /* a breakpoint */
        return;
    if (v->held && env_of(v)->eflags & FL_IF)
        let_go(v);
    if (!x86_look_closer(v, b->first))
        return;
    uint64_t left = v->attention_at - v->count;
    bool whole = !v->machine->coverage && v->attention_at > v->count && b->count <= left && !(v->awaits && block_is_awaited(v, b));
    if (b->count > 1 && !whole)
        one_by_one(v);
    uint64_t flags = x86_flags_looked_at(v, b->first);
    if (v->attention_at > v->count && left > ROOM)
        env_of(v)->hflags &= ~(uint32_t)HF_STEP;
    if (b->count > 1)
        block_begin(v, b, flags);
    else
        x86_begin(v, b->first, flags);
}

static void on_block(vmm_block *b)
{
    vmm_vcpu *v = b->v;
    uint64_t flags = env_of(v)->eflags;
    bool unmasked = (v->held != 0) & ((flags & FL_IF) != 0);
    bool asks = b->careful | unmasked | v->awaits | (((flags ^ v->masks) & v->watch) != 0) | (v->count + b->count > v->attention_at);
    if (unlikely(asks))
        look(v, b, (uintptr_t)__builtin_return_address(0));
    else
        block_begin(v, b, flags);
}

const char *x86_watch_blocks(void *library)
{
    return uc_watch_blocks_x86(library, on_block);
}

bool x86_attach_blocks(vmm_vcpu *v)
{
    enum { PLACES_BYTES = (1 << 16) / 8 };
    v->places = calloc(1, PLACES_BYTES);
    v->asks = calloc(1, sizeof *v->asks);
    if (!v->places || !vcpu_owns(v, v->places) || !v->asks || !vcpu_owns(v, v->asks))
        return false;
    *v->asks = (vmm_block){.v = v, .careful = 1, .asks = 1};
    return uc_hook_one(v);
}

/* Before the instruction with that index has done anything; the next time it ends its block. */
static __attribute__((noreturn)) void leave_before(vmm_vcpu *v, uint32_t index)
{
    vmm_block *b = v->block;
    block_settle(v, index);
    block_ends_at(v, block_pc(b, index));
    uc_block_forget(b);
    one_by_one(v);
    __builtin_unreachable();
}

static void at_the_last(vmm_vcpu *v)
{
    const vmm_block *b = v->block;
    env_of(v)->eip = (b->last - b->base) & b->mask;
    block_over(v);
}

/* Of an instruction with a hook Unicorn knows it in its head alone. */
static bool at_a_hook(const vmm_vcpu *v)
{
    const vmm_block *b = v->begun;
    return b && b->hooked && linear_pc(v, b) == b->last;
}

static void flags_as_computed(vmm_vcpu *v)
{
    if (at_a_hook(v))
        env_of(v)->cc_op = CC_OP_EFLAGS;
}

bool x86_settle(vmm_vcpu *v, uintptr_t host_pc, bool will_exit, x86_restore_state original)
{
    vmm_block *b = v->block;
    uint32_t put_off = env_of(v)->cc_op;
    if (!will_exit)
        x86_of(v)->left_at = host_pc;
    if (b && !will_exit && host_pc == b->last_host) {
        at_the_last(v);
        return true;
    }
    bool restored = original(v->cpu, host_pc, will_exit);
    if (!restored || !b) {
        if (!will_exit)
            env_of(v)->cc_op = put_off;
        else if (restored)
            flags_as_computed(v);
        return restored;
    }
    uint32_t index = block_index(b, linear_pc(v, b));
    if (will_exit) {
        flags_as_computed(v);
        block_settle(v, index < b->count ? index + 1 : b->count);
        return true;
    }
    if (index + 1 < b->count)
        leave_before(v, index);
    b->last_host = host_pc;
    env_of(v)->cc_op = put_off;
    block_over(v);
    return true;
}

/* What Unicorn leaves of the access: where translated code was left for it lies so far before the number of the exception. */
void x86_reaches_device(vmm_vcpu *v)
{
    enum { HOST_PC_AT = -40 };
    uintptr_t host_pc;
    if (!v->block)
        return;
    memcpy(&host_pc, (const char *)v->exception_index + HOST_PC_AT, sizeof host_pc);
    x86_settles(v, host_pc);
    if (v->block) /* it does not */
        vcpu_request_stop(v, VMM_STOP_ENGINE, 0, vmm_x86_linear_pc(v));
}

/* INT n and its like stand behind themselves; where RIP is none of the block's, it was left by its end. */
void x86_settle_exception(vmm_vcpu *v)
{
    const vmm_block *b = v->block;
    if (!b)
        return;
    uint32_t index = tail_of(v)->exception_is_int ? b->count : block_index(b, linear_pc(v, b));
    block_settle(v, index < b->count ? index + 1 : b->count);
}

void x86_leaves(vmm_vcpu *v)
{
    if (!at_a_hook(v)) /* which asks itself */
        leave_for_good(v, x86_of(v)->left_at);
}

void x86_rest(vmm_vcpu *v)
{
    block_over(v);
    let_go(v);
    env_of(v)->hflags &= ~(uint32_t)HF_STEP;
}
