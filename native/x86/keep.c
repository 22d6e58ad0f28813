/* What a handler should leave as it found it. */
#include <string.h>

#include "core/compare.h"
#include "x86/x86.h"

enum { CR0_EM = 4 };

void x86_keep(vmm_vcpu *v, vmm_registers *out)
{
    const x86_env *env = env_of(v);
    out->space = env->cr[3];
    out->vectors_held = !(env->cr[0] & (CR0_TS | CR0_EM));
    for (int i = 0; i < 16; i++)
        out->general[i] = i == R_SP ? 0 : env->regs[i];
    for (unsigned i = 0; i < X86_XMMS; i++)
        memcpy(out->vectors[i], x86_xmm_of(v, i), X86_XMM_BYTES);
}
