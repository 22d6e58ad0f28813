/*
 * LGDT, LIDT, LLDT and LTR where bases have 64 bits: they must be canonical for the widest linear addresses that the CPU
 * has, whatever CR4.LA57 says (SDM vol. 1 3.3.7.1; vol. 2A LGDT/LIDT and LLDT, 2B LTR). What passes runs natively.
 */
#include <string.h>

#include "x86/x86.h"

enum { GROUP7 = 0x01, FS = 0x64, GS = 0x65, LDT = 2, TSS64_AVAILABLE = 9 };
enum { RSP = 4, RBP = 5 };

/* Of the instruction here in 64-bit mode, which has a ModRM byte and no immediate. */
static uint64_t effective_address(vmm_vcpu *v, const x86_insn *insn)
{
    const x86_env *env = env_of(v);
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7, base = rm == RSP ? insn->sib & 7 : rm;
    bool no_base = mod == 0 && base == RBP, has_sib = rm == RSP;
    uint32_t at = insn->length + 1u + has_sib, size = mod == 1 ? 1 : mod == 2 || no_base ? 4 : 0;
    int8_t small = 0;
    int32_t large = 0;
    uint64_t address = 0;
    if (size == 1)
        vmm_x86_read(v, env->eip + at, &small, sizeof small);
    else if (size == 4)
        vmm_x86_read(v, env->eip + at, &large, sizeof large);
    if (no_base)
        address = has_sib ? 0 : env->eip + at + size;
    else
        address = env->regs[base | (insn->rex & 1) << 3];
    unsigned index = (insn->sib >> 3 & 7) | (insn->rex & 2) << 2;
    if (has_sib && index != RSP)
        address += env->regs[index] << (insn->sib >> 6);
    address += (uint64_t)(int64_t)(size == 1 ? small : large);
    return insn->address_size ? (uint32_t)address : address;
}

/* FS's or GS's base; the others are 0. */
static uint64_t segment_base(vmm_vcpu *v, const x86_insn *insn)
{
    uint8_t prefix[15];
    uint64_t base = 0;
    vmm_x86_read(v, env_of(v)->eip, prefix, insn->length);
    for (unsigned i = 0; insn->other_segment && i < insn->length; i++)
        if (prefix[i] == FS || prefix[i] == GS)
            base = env_of(v)->segs[prefix[i] == FS ? VMM_FS : VMM_GS].base;
    return base;
}

static bool readable(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size)
{
    return vmm_x86_read(v, linear, bytes, size) == size;
}

/* What is not there to be read faults natively. */
static bool pointer_is_canonical(vmm_vcpu *v, const x86_insn *insn)
{
    uint64_t base;
    if (!(env_of(v)->hflags & HF_CS64) || insn->modrm >> 6 == 3)
        return true;
    uint64_t linear = segment_base(v, insn) + effective_address(v, insn);
    return !readable(v, linear + 2, &base, sizeof base) || x86_canonical_at_all(v, base);
}

static bool selector_of(vmm_vcpu *v, const x86_insn *insn, uint16_t *selector)
{
    if (insn->modrm >> 6 == 3) {
        *selector = (uint16_t)env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
        return true;
    }
    bool code64 = env_of(v)->hflags & HF_CS64;
    return code64 && readable(v, segment_base(v, insn) + effective_address(v, insn), selector, sizeof *selector);
}

static bool descriptor_is_canonical(vmm_vcpu *v, const x86_insn *insn, unsigned type, uint16_t *selector)
{
    uint32_t d[4];
    const x86_seg *gdt = &env_of(v)->gdt;
    if (!x86_long_mode(v) || !selector_of(v, insn, selector) || *selector & 4 || (*selector & 0xfff8u) + 15u > gdt->limit)
        return true;
    if (!readable(v, gdt->base + (*selector & 0xfff8u), d, sizeof d))
        return true;
    bool right = !(d[1] & DESC_S) && desc_type(d[1]) == type && d[1] & DESC_P;
    return !right || x86_canonical_at_all(v, x86_descriptor_base(d) | (uint64_t)d[2] << 32);
}

void x86_table_load(vmm_vcpu *v, const x86_insn *insn)
{
    uint16_t selector = 0;
    bool pointer = insn->opcode == GROUP7, task = (insn->modrm >> 3 & 7) == 3;
    if (pointer && !pointer_is_canonical(v, insn))
        x86_general_protection(v);
    else if (!pointer && !descriptor_is_canonical(v, insn, task ? TSS64_AVAILABLE : LDT, &selector))
        x86_raise(v, X86_GP, true, selector & 0xfffc, env_of(v)->eip);
    else
        x86_run_natively(v);
}
