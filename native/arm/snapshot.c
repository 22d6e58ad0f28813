/* What a snapshot keeps of Unicorn's ARM vCPU: the private state up to its proven end. */
#include <string.h>

#include "arm/alignment.h"

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
    arm_alignment_changed(v);
    memcpy(arm_tail_of(v)->breakpoints, breakpoints, sizeof breakpoints);
    v->flush_code |= arm_tail_of(v)->features != features; /* what is translated depends on them */
    if (same)
        return;
    arm_calls_of(v)->hw_breakpoint_update_all(v->cpu);
    v->flush_code = 1; /* breakpoints are translated into the code at their addresses */
    arm_watch_update(v);
}
