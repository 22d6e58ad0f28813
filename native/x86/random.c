/*
 * RDRAND and RDSEED (SDM vol. 2B), where the host's random numbers would make two runs of one: these are from the machine's
 * seed. Unicorn takes RDSEED for RDRAND's twin, whether the processor announces it or not.
 */
#include "core/random.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

enum { RDRAND = 6, RDSEED = 7, LEAF_1_ECX_RDRAND = 1 << 30, LEAF_7_EBX_RDSEED = 1 << 18 };

#define ARITHMETIC (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)

static bool announced(const vmm_vcpu *v, unsigned which)
{
    return which == RDRAND ? x86_cpuid_leaf(v, 1, 0).ecx & LEAF_1_ECX_RDRAND : x86_cpuid_leaf(v, 7, 0).ebx & LEAF_7_EBX_RDSEED;
}

void x86_random(vmm_vcpu *v, const x86_insn *insn)
{
    bool to_register = insn->modrm >> 6 == 3;
    if (!to_register || insn->rep || insn->repne || !announced(v, insn->modrm >> 3 & 7)) {
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
        return;
    }
    uint64_t *reg = &env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3], value = draw(&v->machine->dice);
    unsigned size = x86_operand_size(v, insn);
    *reg = size == 8 ? value : size == 4 ? (uint32_t)value : (*reg & ~(uint64_t)0xffff) | (uint16_t)value;
    x86_set_register(v, UC_X86_REG_EFLAGS, (x86_flags(v) & ~(uint64_t)ARITHMETIC) | FL_CF); /* there is always one */
    x86_finish(v, insn->length + 1u);
}
