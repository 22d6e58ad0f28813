/*
 * RDPMC (SDM vol. 2B RDPMC; AMD APM vol. 3 RDPMC, vol. 2 13.2.2). Nothing counts here, but AMD's four counters keep what is
 * written to them. Models of Intel's announce no counter (CPUID.0AH), so each index is #GP(0).
 */
#include "x86/x86.h"

enum { RDPMC = 0x33, PERF_CTR_0 = 0xc0010004, COUNTERS = 4, CR4_PCE = 1 << 8 };

#define COUNTER_BITS ((1ull << 48) - 1)

static bool may_read(const vmm_vcpu *v)
{
    return (env_of(v)->hflags & HF_CPL) == 0 || env_of(v)->cr[4] & CR4_PCE;
}

void x86_rdpmc(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    uint32_t counter = (uint32_t)env->regs[R_CX];
    uint64_t value;
    if (!may_read(v) || counter >= COUNTERS || !x86_rdmsr(v, PERF_CTR_0 + counter, &value)) {
        x86_general_protection(v);
        return;
    }
    env->regs[R_AX] = (uint32_t)value;
    env->regs[R_DX] = (value & COUNTER_BITS) >> 32;
    x86_finish(v, insn->length);
}

/* Unicorn refuses RDPMC outside ring 0 where CR4.PCE allows it, before it asks whether it is intercepted. */
bool x86_rdpmc_refused(vmm_vcpu *v)
{
    x86_insn insn;
    if (!may_read(v) || !x86_decode(v, vcpu_here(v), &insn) || insn.map != 1 || insn.opcode != RDPMC)
        return false;
    x86_rdpmc(v, &insn);
    return true;
}
