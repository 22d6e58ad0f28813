/*
 * MOV SS and LSS of a null selector in 64-bit mode: it is for the inner rings, with the ring as its RPL (SDM vol. 2A LDS, 2B
 * MOV, "64-Bit Mode Exceptions"); Unicorn takes any. What passes runs natively. A device is not asked for its selector, which
 * would be read twice.
 */
#include "x86/x86.h"

static bool has_far_pointer(const x86_insn *insn)
{
    return insn->map != 0;
}

static bool is_register(const x86_insn *insn)
{
    return insn->modrm >> 6 == 3;
}

static bool selector_of(vmm_vcpu *v, const x86_insn *insn, uint16_t *selector)
{
    bool far_pointer = has_far_pointer(insn);
    if (is_register(insn)) {
        *selector = (uint16_t)env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
        return true;
    }
    uint64_t linear = x86_memory_operand(v, insn).linear + (far_pointer ? x86_operand_size(v, insn) : 0);
    return vmm_x86_read(v, linear, selector, sizeof *selector) == sizeof *selector;
}

void x86_load_ss(vmm_vcpu *v, const x86_insn *insn)
{
    uint16_t selector = 0;
    if (has_far_pointer(insn) && is_register(insn)) { /* in any mode; natively it would come here again */
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
        return;
    }
    if (selector_of(v, insn, &selector) && selector <= 3 && selector != (env_of(v)->hflags & HF_CPL)) {
        x86_general_protection(v);
        return;
    }
    env_of(v)->hflags |= HF_NATIVE;
    x86_run_natively(v);
}
