/*
 * The arithmetic flags where an instruction is left in its middle: a fault, an intercept, a hook of Unicorn's.
 *
 * Behind an instruction's code hook Unicorn computes the flags that were put off, and knows it in its head alone: the state
 * still has how they were to be computed, as what it restores from has. Who leaves there finds them computed; who only looks
 * and goes on must change nothing of it.
 */
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

static x86_restore_state original;

static bool before_restore_state(void *cpu, uintptr_t host_pc, bool will_exit)
{
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu)
        return original(cpu, host_pc, will_exit);
    if (v->machine->fast)
        return x86_settle(v, host_pc, will_exit, original);
    x86_env *env = env_of(v);
    uint32_t put_off = env->cc_op;
    bool restored = original(cpu, host_pc, will_exit);
    if (restored)
        env->cc_op = will_exit ? CC_OP_EFLAGS : put_off;
    return restored;
}

/* In a callback from which translated code does not go on. */
void x86_flags_computed(vmm_vcpu *v)
{
    env_of(v)->cc_op = CC_OP_EFLAGS;
}

void x86_settles(vmm_vcpu *v, uintptr_t host_pc)
{
    x86_settle(v, host_pc, false, original);
}

void x86_restored(vmm_vcpu *v, uintptr_t host_pc)
{
    x86_settle(v, host_pc, true, original);
}

const char *x86_keep_flags(void *library)
{
    const uc_call call = {"cpu_restore_state_x86_64", before_restore_state, &original};
    return uc_stand_before(library, &call, 1);
}
