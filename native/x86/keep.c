/* What a handler should leave as it found it. */
#include "core/compare.h"
#include "x86/x86.h"

enum { CR0_EM = 4 };

void x86_keep(vmm_vcpu *v, vmm_registers *out)
{
    const x86_env *env = env_of(v);
    out->space = env->cr[3];
    for (int i = 0; i < 16; i++)
        out->general[i] = i == R_SP ? 0 : env->regs[i];
}

vmm_vectors x86_vectors(const vmm_vcpu *v)
{
    bool held = !(env_of(v)->cr[0] & (CR0_TS | CR0_EM));
    return (vmm_vectors){held ? x86_xmm_of(v, 0) : NULL, X86_XMMS, X86_XMMS_APART, false};
}
