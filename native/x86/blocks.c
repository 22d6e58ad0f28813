/*
 * The fast gear: a look before each block. Its instructions count as begun at once where no boundary within it asks for a
 * look; else those before that boundary are a block of their own.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/boundary.h"
#include "core/clock.h"
#include "unicorn/uc_blocks.h"
#include "x86/x86.h"

static uint64_t linear_pc(const vmm_vcpu *v, const vmm_block *b)
{
    return (env_of(v)->eip + b->base) & b->mask;
}

static void go_on_with(vmm_vcpu *v, uint32_t most)
{
    block_next(v, most);
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

static inline void begin(vmm_vcpu *v, vmm_block *b, uint64_t flags)
{
    v->flags_earlier = v->flags_before;
    v->flags_before = flags;
    block_begin(v, b);
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
    uint32_t fits = block_fits(v, b);
    if (fits < b->count)
        go_on_with(v, fits);
    uint64_t flags = x86_flags_looked_at(v, b->first);
    if (b->count > 1)
        begin(v, b, flags);
    else
        x86_begin(v, b->first, flags);
}

static void on_block(vmm_block *b)
{
    vmm_vcpu *v = b->v;
    uint64_t flags = env_of(v)->eflags;
    bool unmasked = (v->held != 0) & ((flags & FL_IF) != 0);
    bool asks = b->careful | unmasked | block_may_be_awaited(v, b) | (((flags ^ v->masks) & v->watch) != 0) | (v->count + b->count > v->attention_at);
    if (unlikely(asks))
        look(v, b, (uintptr_t)__builtin_return_address(0));
    else
        begin(v, b, flags);
}

const char *x86_watch_blocks(void *library)
{
    return uc_watch_blocks_x86(library, on_block);
}

bool x86_attach_blocks(vmm_vcpu *v)
{
    v->asks = calloc(1, sizeof *v->asks);
    if (!v->asks || !vcpu_owns(v, v->asks))
        return false;
    *v->asks = (vmm_block){.v = v, .careful = 1, .asks = 1};
    return uc_hook_one(v);
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
    if (b && will_exit && host_pc == b->exit_host) {
        at_the_last(v);
        flags_as_computed(v);
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
    if (will_exit) {
        if (at_a_hook(v))
            b->exit_host = host_pc;
        flags_as_computed(v);
        block_left(v, linear_pc(v, b));
        return true;
    }
    if (!block_goes_on(v, linear_pc(v, b), host_pc))
        go_on_with(v, 1);
    env_of(v)->cc_op = put_off;
    return true;
}

void x86_reaches_device(vmm_vcpu *v)
{
    if (!v->block)
        return;
    x86_settles(v, *v->device_access);
    if (v->block) /* it does not */
        vcpu_request_stop(v, VMM_STOP_ENGINE, 0, vmm_x86_linear_pc(v));
}

/* INT n and its like stand behind themselves; where RIP is none of the block's, it was left by its end. */
void x86_settle_exception(vmm_vcpu *v)
{
    const vmm_block *b = v->block;
    if (!b)
        return;
    block_left(v, tail_of(v)->exception_is_int ? b->last : linear_pc(v, b));
}

void x86_leaves(vmm_vcpu *v)
{
    if (!at_a_hook(v)) /* which asks itself */
        leave_for_good(v, x86_of(v)->left_at);
}

void x86_rest(vmm_vcpu *v)
{
    block_rest(v);
    let_go(v);
}
