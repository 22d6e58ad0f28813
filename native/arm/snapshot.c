/* What a snapshot keeps of Unicorn's ARM vCPU: the private state up to its proven end. */
#include <string.h>

#include "arm/alignment.h"
#include "arm/cycles.h"

size_t arm_state_size(const vmm_vcpu *v)
{
    return (size_t)((char *)(arm_tail_of(v) + 1) - (char *)v->env);
}

void arm_save(const vmm_vcpu *v, void *state)
{
    memcpy(state, v->env, arm_state_size(v));
}

/* Unicorn's breakpoints are objects that the state points to: those of now are kept, or made anew by the registers. */
void arm_restore(vmm_vcpu *v, const void *state)
{
    arm_env *env = arm_env_of(v);
    void *breakpoints[sizeof arm_tail_of(v)->breakpoints / sizeof(void *)];
    bool same = memcmp(env->cp15.dbg, (const char *)state + offsetof(arm_env, cp15.dbg), sizeof env->cp15.dbg) == 0;
    uint64_t features = arm_tail_of(v)->features;
    memcpy(breakpoints, arm_tail_of(v)->breakpoints, sizeof breakpoints);
    memcpy(env, state, arm_state_size(v));
    arm_of(v)->access = (vmm_arm_access){0};
    arm_note_return(v); /* it may be */
    arm_alignment_changed(v);
    memcpy(arm_tail_of(v)->breakpoints, breakpoints, sizeof breakpoints);
    v->flush_code |= arm_tail_of(v)->features != features; /* what is translated depends on them */
    if (same)
        return;
    arm_calls_of(v)->hw_breakpoint_update_all(v->cpu);
    v->flush_code = 1; /* breakpoints are translated into the code at their addresses */
    arm_watch_update(v);
}

/* ---- held against what was saved ---- */

/* Unicorn keeps N and Z as bits of results: one flag has many forms. */
static void settle_flags(arm_env *env)
{
    env->nf &= 1u << 31;
    env->vf &= 1u << 31;
    env->zf = env->zf != 0;
}

static bool registers_alike(vmm_vcpu *v, const vmm_arm *b)
{
    const vmm_arm *a = arm_of(v);
    bool same = a->serror == b->serror && a->cntfrq == b->cntfrq && a->cntvoff == b->cntvoff && a->cntkctl == b->cntkctl
             && a->cnthctl == b->cnthctl;
    return same && memcmp(a->timer, b->timer, sizeof a->timer) == 0 && memcmp(a->cortex, b->cortex, sizeof a->cortex) == 0
       && arm_cycles_alike(v, &b->cycles);
}

bool arm_alike(vmm_vcpu *v, const void *state, const void *saved)
{
    size_t size = arm_state_size(v) - sizeof(arm_env_tail);
    arm_env now = *arm_env_of(v), then;
    memcpy(&then, saved, sizeof then);
    settle_flags(&now);
    settle_flags(&then);
    arm_leave_leftover_out(v, &then);
    if (!arm_of(v)->aarch64)
        then.pc = now.pc; /* of A64: nobody looks, and Unicorn leaves there where it stopped */
    memset(&now.exception, 0, sizeof now.exception); /* of one that is over: its registers have it all */
    memset(&then.exception, 0, sizeof then.exception);
    return memcmp(&now, &then, sizeof now) == 0
        && memcmp((char *)v->env + sizeof now, (const char *)saved + sizeof now, size - sizeof now) == 0
       && registers_alike(v, state);
}
