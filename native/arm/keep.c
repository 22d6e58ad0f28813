/* What a handler should leave as it found it. */
#include <string.h>

#include "arm/arm.h"
#include "core/compare.h"

enum { CPACR_FPEN = 3 << 20 /* ARMv7: cp10 */, LINK = 30 };

static void keep_general(const arm_env *env, uint64_t *general)
{
    enum { SP = 13, PC = 15 };
    if (env->aarch64) {
        memcpy(general, env->xregs, (LINK + 1) * sizeof *general);
        return;
    }
    for (int i = 0; i < PC; i++)
        general[i] = i == SP ? 0 : env->regs[i];
    memset(general + PC, 0, (LINK + 1 - PC) * sizeof *general);
}

void arm_keep(vmm_vcpu *v, vmm_registers *out)
{
    const arm_env *env = arm_env_of(v);
    out->space = env->cp15.ttbr0_el[1];
    out->flags = vmm_arm_pstate(v);
    out->are_frame = true;
    keep_general(env, out->general);
}

vmm_vectors arm_vectors(const vmm_vcpu *v)
{
    bool held = (arm_env_of(v)->cp15.cpacr_el1 & CPACR_FPEN) == CPACR_FPEN, are_pairs = !arm_of(v)->aarch64;
    uint32_t count = are_pairs ? ARM_VECTORS / 2 : ARM_VECTORS, apart = arm_vector_apart(v) << are_pairs;
    return (vmm_vectors){held ? arm_vector(v, 0) : NULL, count, apart, are_pairs};
}
