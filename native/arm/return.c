/* Returns from handlers: what was interrupted, and Unicorn's call at the end of every exception return. */
#include "arm/alignment.h"
#include "arm/cycles.h"
#include "core/compare.h"
#include "core/nest.h"
#include "core/trace.h"
#include "unicorn/uc_plt.h"

enum { MODE_BITS = 0x1f };

static uint64_t stack_pointer(const vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    return env->aarch64 ? env->xregs[31] : env->regs[13];
}

vmm_handler arm_interrupted(vmm_vcpu *v, const arm_event *e)
{
    vmm_handler h = {.pc = arm_pc(v), .sp = stack_pointer(v), .level = vmm_arm_pstate(v) & MODE_BITS,
                     .number = e->number, .source = e->source, .pin = e->pin};
    bool skips = !arm_is_a64(v) && e->vector32 == VECTOR_UNDEFINED && e->kind == ARM_SYNC;
    if (skips) /* DDI0406 B1.9.7: the return address is that of the next instruction */
        h.pc += arm_env_of(v)->thumb ? 2 : 4;
    return h;
}

void arm_returns(void *cpu, void *opaque)
{
    (void)opaque;
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu)
        return;
    arm_leftover_accessed(v, false);
    arm_cycles_settle(v);
    if (unlikely(compares(v)) && arm_env_of(v)->aarch64)
        compare_leads(v, trace_place(v), stack_pointer(v), arm_env_of(v)->elr_el[vmm_arm_el(v)], arm_spsr64(v));
}

void arm_returned(void *cpu, void *opaque)
{
    (void)opaque;
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu)
        return;
    arm_cycles_resume(v);
    arm_it_returned(v);
    if (arm_of(v)->has_el2) /* HCR_EL2 may have changed for those below */
        arm_alignment_changed(v);
    nest_leave(v, arm_pc(v), stack_pointer(v), vmm_arm_pstate(v));
}
