/* PUSHF shows RF and VM as 0 (SDM vol. 2B PUSHF: "EFLAGS AND 00FCFFFFH"); Unicorn shows them as they are. */
#include "x86/x86.h"

enum { SHOWN = 0x00fcffff };

static unsigned width_of(const vmm_vcpu *v, const x86_insn *insn)
{
    bool code64 = env_of(v)->hflags & HF_CS64, code32 = env_of(v)->hflags & HF_CS32;
    if (code64)
        return insn->data16 && !(insn->rex & 8) ? 2 : 8;
    return code32 != insn->data16 ? 4 : 2;
}

void x86_pushf(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    const x86_seg *ss = &env->segs[VMM_SS];
    bool flat = env->hflags & HF_CS64;
    uint64_t mask = flat ? ~0ull : ss->flags & DESC_B ? 0xffffffff : 0xffff, image = x86_flags(v) & SHOWN;
    uint64_t sp = (env->regs[R_SP] - width_of(v, insn)) & mask;
    x86_fault fault = x86_program_store(v, flat ? sp : (uint32_t)(ss->base + sp), &image, width_of(v, insn));
    if (fault.raised) {
        x86_raise(v, fault.vector == X86_GP ? X86_SS : fault.vector, true, fault.error, env->eip);
        return;
    }
    env->regs[R_SP] = (env->regs[R_SP] & ~mask) | sp;
    x86_finish(v, insn->length);
}
