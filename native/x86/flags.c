/*
 * The arithmetic flags where an instruction is left in its middle: a fault, an intercept, a hook of Unicorn's.
 *
 * Before the code hook of an instruction Unicorn may have computed the flags. Where it then has to know which instruction it
 * is at, it restores how they were to be computed before that, from operands that are gone by now. How they are to be
 * computed where the instruction began is what the state says all the time until it is done.
 */
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

typedef bool (*restore_state)(void *cpu, uintptr_t host_pc, bool will_exit);

static restore_state original;

static bool before_restore_state(void *cpu, uintptr_t host_pc, bool will_exit)
{
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu)
        return original(cpu, host_pc, will_exit);
    uint32_t computed_by = env_of(v)->cc_op;
    bool restored = original(cpu, host_pc, will_exit);
    env_of(v)->cc_op = computed_by;
    return restored;
}

const char *x86_keep_flags(void *library)
{
    const uc_call call = {"cpu_restore_state_x86_64", before_restore_state, &original};
    return uc_stand_before(library, &call, 1);
}
