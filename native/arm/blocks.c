/*
 * The fast gear: a look before each block. Its instructions count as begun at once where no boundary within it asks for a
 * look; else those before that boundary are a block of their own.
 *
 * What calls back, and is no access to memory, is the last of its block (block_end.c): so PC is set there as a block begins.
 */
#include <string.h>

#include "arm/blocks.h"
#include "core/block.h"
#include "core/clock.h"
#include "core/coverage.h"
#include "core/trigger.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_tlb.h"

static void set_pc(vmm_vcpu *v, uint64_t pc)
{
    arm_env *env = arm_env_of(v);
    if (env->aarch64)
        env->pc = pc;
    else
        env->regs[15] = (uint32_t)pc;
}

static void leave(vmm_vcpu *v)
{
    arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
}

static void go_on_with(vmm_vcpu *v, uint32_t most)
{
    block_next(v, most);
    leave(v);
}

/* ---- a block begins ---- */

static bool sp_unaligned(const vmm_vcpu *v)
{
    return arm_env_of(v)->aarch64 && arm_env_of(v)->xregs[31] & 15;
}

/* DDI0406 A8.3.1; what an IT block says of its instruction at this boundary. */
static bool skipped(const vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    bool n = env->nf >> 31, z = env->zf == 0, c = env->cf, o = env->vf >> 31;
    uint32_t condition = env->condexec_bits >> 4;
    const bool holds[8] = {z, c, n, o, c && !z, n == o, n == o && !z, true};
    return holds[condition >> 1 & 7] == (condition & 1) && condition < 14;
}

/* The same that is asked before each instruction in the precise gear. */
static bool wants_a_look(const vmm_vcpu *v, uint64_t pc)
{
    bool unexecutable = arm_is_a64(v) && (arm_env_of(v)->pstate & PSTATE_IL || pc & 3 || sp_unaligned(v));
    return arm_wants_a_look(v) || may_be_awaited(v, pc) || unexecutable;
}

/* Chained blocks leave PC as it was. */
static __attribute__((noinline)) void look(vmm_vcpu *v, vmm_block *b)
{
    block_over(v);
    v->begun = b;
    if (!b->count) /* an exception, which asks itself */
        return;
    set_pc(v, b->first);
    if (wants_a_look(v, b->first) && !arm_boundary(v))
        leave(v);
    uint32_t fits = sp_unaligned(v) ? 1 : block_fits(v, b);
    if (fits < b->count)
        go_on_with(v, fits);
    if (b->conditional && skipped(v))
        return;
    arm_cover(v, b->first);
    block_begin(v, b);
    set_pc(v, b->last);
}

static inline bool asks(const vmm_vcpu *v, const vmm_block *b)
{
    bool unmasked = ((arm_env_of(v)->daif ^ v->masks) & v->watch) != 0;
    return b->careful | block_may_be_awaited(v, b) | unmasked | (v->count + b->count > v->attention_at);
}

static void on_block32(vmm_block *b)
{
    vmm_vcpu *v = b->v;
    if (unlikely(asks(v, b))) {
        look(v, b);
        return;
    }
    arm_env_of(v)->regs[15] = (uint32_t)b->last;
    block_begin(v, b);
}

/* Its AArch32 blocks are looked at where nothing asks for it, which changes nothing. */
static void on_block64(vmm_block *b)
{
    vmm_vcpu *v = b->v;
    arm_env *env = arm_env_of(v);
    const uint64_t a64 = 1ull << 32; /* PSTATE and `aarch64` are neighbours */
    uint64_t state;
    memcpy(&state, &env->pstate, sizeof state);
    bool odd = (((state ^ a64) & (a64 | PSTATE_IL)) | (env->xregs[31] & 15)) != 0;
    if (unlikely(odd | asks(v, b))) {
        look(v, b);
        return;
    }
    env->pc = b->last;
    block_begin(v, b);
}

/* ---- translating ---- */

enum { FLAG_A64 = 1 << 31, FLAG_STEPS = 1 << 30, FLAG_STEP_TO_COME = 1 << 29, FLAG_THUMB = 1 << 8, FLAG_IT = 0xff };

static uint64_t mask64(uint32_t flags)
{
    return flags & FLAG_A64 ? ~(uint64_t)0 : 0xffffffff;
}

static uint64_t mask32(uint32_t flags)
{
    (void)flags;
    return 0xffffffff;
}

static uc_verdict judge(vmm_vcpu *v, uint64_t pc, uint32_t flags)
{
    bool a64 = flags & FLAG_A64, thumb = !a64 && flags & FLAG_THUMB, in_it_block = thumb && flags & FLAG_IT;
    uc_verdict verdict = {.none = flags & FLAG_STEPS && !(flags & FLAG_STEP_TO_COME)};
    verdict.careful = in_it_block || (a64 && pc & 3);
    verdict.conditional = in_it_block && arm_is_conditional(v, flags & FLAG_IT);
    verdict.last = verdict.careful || block_must_end(v, pc) || arm_ends_block(v, a64, thumb);
    return verdict;
}

/* ---- translated code is left ---- */

typedef bool (*restore_state)(void *cpu, uintptr_t host_pc, bool will_exit);
static restore_state restore_state_aarch64, restore_state_arm;

/* Of two loads the first may have been PC's (LDRD, UNPREDICTABLE): who only looks at the second, and goes on, leaves that. */
static void keep_loaded(vmm_vcpu *v, uint32_t pc)
{
    if (!arm_env_of(v)->aarch64)
        arm_env_of(v)->regs[15] = pc;
}

static bool settle(vmm_vcpu *v, uintptr_t host_pc, bool will_exit, restore_state original)
{
    const vmm_block *b = v->block;
    bool at_the_last = b && !will_exit && host_pc == b->last_host;
    if (at_the_last) {
        block_over(v);
        return true;
    }
    uint32_t loaded = arm_env_of(v)->regs[15];
    bool restored = original(v->cpu, host_pc, will_exit);
    if (restored && b && will_exit)
        block_left(v, arm_pc(v));
    else if (restored && b && !block_goes_on(v, arm_pc(v), host_pc))
        go_on_with(v, 1);
    if (!will_exit)
        keep_loaded(v, loaded);
    return restored;
}

static bool restored(void *cpu, uintptr_t host_pc, bool will_exit, restore_state original)
{
    vmm_vcpu *v = uc_executing;
    if (will_exit)
        uc_filling = 0;
    bool ours = v && v->cpu == cpu;
    return ours ? settle(v, host_pc, will_exit, original) : original(cpu, host_pc, will_exit);
}

static bool before_restore_state_aarch64(void *cpu, uintptr_t host_pc, bool will_exit)
{
    return restored(cpu, host_pc, will_exit, restore_state_aarch64);
}

static bool before_restore_state_arm(void *cpu, uintptr_t host_pc, bool will_exit)
{
    return restored(cpu, host_pc, will_exit, restore_state_arm);
}

void arm_settles(vmm_vcpu *v, uintptr_t host_pc)
{
    settle(v, host_pc, false, arm_calls_of(v)->cpu_restore_state);
}

void arm_reaches_device(vmm_vcpu *v)
{
    bool at_the_last = v->block && *v->device_access == v->block->last_host;
    if (at_the_last) { /* its count and PC are right, and `recent` is brought up to date for who wants it */
        arm_tell_gic(v);
        return;
    }
    if (v->block) {
        arm_settles(v, *v->device_access);
        arm_it_goes_on(v);
    }
    if (v->block) /* it does not */
        vcpu_request_stop(v, VMM_STOP_ENGINE, 0, arm_pc(v));
    arm_tell_gic(v);
}

bool arm_settle_walk(vmm_vcpu *v)
{
    bool walks = v->machine->fast && uc_filling;
    if (v->block && uc_filling > UC_FETCHES)
        settle(v, uc_filling, true, arm_calls_of(v)->cpu_restore_state);
    uc_filling = 0;
    block_over(v);
    return walks;
}

/* Where PC is none of the block's, it was left by its end; a breakpoint comes before its instruction. */
void arm_settle_exception(vmm_vcpu *v, bool fetch)
{
    uc_filling = 0; /* a fill that raised it did not come back */
    if (!v->block)
        return;
    if (fetch)
        block_settle(v, block_index(v->block, arm_pc(v)));
    else
        block_left(v, arm_pc(v));
}

const char *arm_watch_fast(void *library)
{
    const uc_call calls[] = {
        {"cpu_restore_state_aarch64", before_restore_state_aarch64, &restore_state_aarch64},
        {"cpu_restore_state_arm", before_restore_state_arm, &restore_state_arm},
    };
    const char *cannot = uc_watch_blocks_aarch64(library, on_block64);
    if (!cannot)
        cannot = uc_watch_blocks_arm(library, on_block32);
    if (!cannot)
        cannot = uc_judge_aarch64(library, judge, mask64);
    if (!cannot)
        cannot = uc_judge_arm(library, judge, mask32);
    return cannot ? cannot : uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
