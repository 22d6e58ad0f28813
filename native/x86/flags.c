/*
 * The arithmetic flags where an instruction is left in its middle: a fault, an intercept, a hook of Unicorn's.
 *
 * Behind the code hook of an instruction Unicorn computes the flags. Where it then has to know which instruction it is
 * at, it restores how they were to be computed before that, from operands that are gone by now.
 */
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

typedef bool (*restore_state)(void *cpu, uintptr_t host_pc, bool will_exit);

static restore_state original;

static bool before_restore_state(void *cpu, uintptr_t host_pc, bool will_exit)
{
    vmm_vcpu *v = uc_executing;
    bool restored = original(cpu, host_pc, will_exit);
    if (restored && v && v->cpu == cpu)
        env_of(v)->cc_op = CC_OP_EFLAGS;
    return restored;
}

const char *x86_keep_flags(void *library)
{
    const uc_call call = {"cpu_restore_state_x86_64", before_restore_state, &original};
    return uc_stand_before(library, &call, 1);
}
