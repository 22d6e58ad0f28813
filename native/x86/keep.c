/* What a handler should leave as it found it. */
#include "core/compare.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

enum { CR0_EM = 4, XMMS = 16 };

void x86_keep(vmm_vcpu *v, vmm_registers *out)
{
    const x86_env *env = env_of(v);
    out->space = env->cr[3];
    out->vectors_held = !(env->cr[0] & (CR0_TS | CR0_EM));
    for (int i = 0; i < 16; i++)
        out->general[i] = i == R_SP ? 0 : env->regs[i];
    for (int i = 0; i < XMMS; i++)
        uc.reg_read(v->uc, UC_X86_REG_XMM0 + i, out->vectors[i]);
}
