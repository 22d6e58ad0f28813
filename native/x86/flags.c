/*
 * The arithmetic flags where an instruction is left in its middle: a fault, an intercept, a hook of Unicorn's.
 *
 * Behind an instruction's code hook Unicorn may compute the flags that were put off, into cc_src, and says so in its head
 * alone: the state still has how they were to be computed, as what it restores from has. Where it does not, that is still
 * true. The two are told apart by cc_src: where it has not changed, either comes to the same; where it has, and is what the
 * hook was shown as flags, they were computed; else the instruction itself has put its own off. Who only looks, and goes on,
 * changes nothing of it: translated code has it in its head.
 */
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

typedef bool (*restore_state)(void *cpu, uintptr_t host_pc, bool will_exit);

enum { ARITHMETIC = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF };

static restore_state original;

static bool before_restore_state(void *cpu, uintptr_t host_pc, bool will_exit)
{
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu)
        return original(cpu, host_pc, will_exit);
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

const char *x86_keep_flags(void *library)
{
    const uc_call call = {"cpu_restore_state_x86_64", before_restore_state, &original};
    return uc_stand_before(library, &call, 1);
}
