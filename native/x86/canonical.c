/*
 * Non-canonical addresses in 64-bit mode (SDM vol. 1 3.3.7.1). Unicorn raises #GP(0) for all of them; a reference through
 * the stack segment is #SS(0), and a near branch faults at the branch, before it has changed anything.
 */
#include "x86/x86.h"

enum { RSP = 4, RBP = 5, NO_BASE = -1 };

/* One bit an opcode of the one-byte map that has a ModRM byte, 16 to a row (SDM vol. 2D table A-2). */
static const uint16_t HAS_MODRM[16] = {0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f, 0x0000, 0x0000, 0x0a0c, 0x0000,
                                       0xffff, 0x0000, 0x0000, 0x0000, 0x00f3, 0xff0f, 0x0000, 0xc0c0};

static int memory_base(const x86_insn *insn)
{
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
    bool has = insn->map == 1 || HAS_MODRM[insn->opcode >> 4] >> (insn->opcode & 15) & 1;
    if (!has || mod == 3)
        return NO_BASE;
    unsigned base = rm == 4 ? insn->sib & 7 : rm;
    bool no_register = base == RBP && mod == 0;
    return no_register || insn->rex & 1 ? NO_BASE : (int)base;
}

static uint64_t scaled_index(const vmm_vcpu *v, const x86_insn *insn)
{
    unsigned index = (insn->sib >> 3 & 7) | (insn->rex & 2) << 2;
    bool has_sib = memory_base(insn) != NO_BASE && (insn->modrm & 7) == 4;
    return has_sib && index != 4 ? env_of(v)->regs[index] << (insn->sib >> 6) : 0;
}

static bool through_stack_segment(const x86_insn *insn)
{
    int base = memory_base(insn);
    bool pushes_or_pops = insn->map == 0 && (insn->opcode >> 4 == 5 || insn->opcode == 0xe8 || insn->opcode == 0xc3);
    return !insn->other_segment && (base == RSP || base == RBP || pushes_or_pops);
}

typedef enum { NO_BRANCH, JUMP, CALL, RETURN } branch;

static branch near_branch(const x86_insn *insn)
{
    unsigned group = insn->modrm >> 3 & 7;
    if (insn->map != 0)
        return NO_BRANCH;
    switch (insn->opcode) {
    case 0xc2: case 0xc3:
        return RETURN;
    case 0xe8:
        return CALL;
    case 0xe9: case 0xeb:
        return JUMP;
    case 0xff:
        return group == 2 ? CALL : group == 4 ? JUMP : NO_BRANCH;
    }
    return NO_BRANCH;
}

static void undo_branch(vmm_vcpu *v, branch kind)
{
    x86_env *env = env_of(v);
    if (kind == CALL)
        env->regs[R_SP] += 8;
    if (kind == RETURN)
        env->regs[R_SP] -= 8;
    env->eip = x86_rip_here(v);
}

void x86_refine_general_protection(vmm_vcpu *v, uint8_t *vector)
{
    x86_env *env = env_of(v);
    x86_insn insn;
    if (!(env->hflags & HF_CS64) || !x86_decode(v, vcpu_here(v), &insn))
        return;
    if (!x86_canonical(v, env->eip)) {
        branch kind = near_branch(&insn);
        if (kind != NO_BRANCH)
            undo_branch(v, kind);
        return;
    }
    uint64_t address = memory_base(&insn) == RBP ? env->regs[R_BP] : env->regs[R_SP];
    if (through_stack_segment(&insn) && !x86_canonical(v, address + scaled_index(v, &insn)))
        *vector = X86_SS;
}
