/*
 * LOOPE and LOOPNE (SDM vol. 2A LOOPcc), which change no flag. Unicorn loses those that the instruction before has set where
 * the count comes to 0: it puts off computing them, does so on the way on which it asks for ZF, and forgets that on the other.
 */
#include "x86/x86.h"

static uint64_t target_of(vmm_vcpu *v, const x86_insn *insn)
{
    int8_t distance = 0;
    vmm_x86_read(v, vmm_x86_linear_pc(v) + insn->length, &distance, sizeof distance);
    uint64_t target = env_of(v)->eip + insn->length + sizeof distance + (uint64_t)(int64_t)distance;
    if (env_of(v)->hflags & HF_CS64)
        return target;
    return x86_operand_size(v, insn) == 2 ? (uint16_t)target : (uint32_t)target;
}

void x86_loop_on_flag(vmm_vcpu *v, const x86_insn *insn)
{
    enum { LOOPE = 0xe1, DISPLACEMENT = 1 };
    x86_env *env = env_of(v);
    uint64_t mask = x86_count_mask(v, insn), count = (env->regs[R_CX] - 1) & mask, target = target_of(v, insn);
    bool zero = x86_flags(v) & FL_ZF, taken = count && zero == (insn->opcode == LOOPE);
    if (taken && !x86_canonical(v, target)) {
        x86_raise(v, X86_GP, true, 0, env->eip);
        return;
    }
    env->regs[R_CX] = mask == 0xffff ? (env->regs[R_CX] & ~mask) | count : count;
    if (taken)
        env->eip = target;
    x86_finish(v, taken ? 0 : insn->length + DISPLACEMENT);
}
