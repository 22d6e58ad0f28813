/* What a handler should leave as it found it. */
#include "arm/arm.h"
#include "core/compare.h"
#include "unicorn/uc.h"

enum { CPACR_FPEN = 3 << 20 }; /* ARMv7: cp10 */

void arm_keep(vmm_vcpu *v, vmm_registers *out)
{
    const arm_env *env = arm_env_of(v);
    out->space = env->cp15.ttbr0_el[1];
    out->flags = vmm_arm_pstate(v);
    out->are_frame = true;
    out->vectors_held = (env->cp15.cpacr_el1 & CPACR_FPEN) == CPACR_FPEN;
    for (int i = 0; i < 31; i++)
        out->general[i] = env->aarch64 ? env->xregs[i] : i < 15 && i != 13 ? env->regs[i] : 0;
    int first = env->aarch64 ? UC_ARM64_REG_V0 : UC_ARM_REG_D0;
    for (int i = 0; i < 32; i++)
        uc.reg_read(v->uc, first + i, out->vectors[i]);
}
