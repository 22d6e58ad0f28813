/*
 * MOV SS and LSS of a null selector in 64-bit mode: it is for the inner rings, with the ring as its RPL (SDM vol. 2A LDS, 2B
 * MOV, "64-Bit Mode Exceptions"); Unicorn takes any. What passes runs natively. A device is not asked for its selector, which
 * would be read twice.
 */
#include "x86/x86.h"

static bool selector_of(vmm_vcpu *v, const x86_insn *insn, uint16_t *selector)
{
    bool is_register = insn->modrm >> 6 == 3, far_pointer = insn->map != 0;
    if (is_register)
        *selector = (uint16_t)env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
    if (is_register)
        return !far_pointer; /* which is undefined */
    uint64_t linear = x86_memory_operand(v, insn).linear + (far_pointer ? x86_operand_size(v, insn) : 0);
    return vmm_x86_read(v, linear, selector, sizeof *selector) == sizeof *selector;
}

void x86_load_ss(vmm_vcpu *v, const x86_insn *insn)
{
    uint16_t selector = 0;
    if (selector_of(v, insn, &selector) && selector <= 3 && selector != (env_of(v)->hflags & HF_CPL)) {
        x86_general_protection(v);
        return;
    }
    env_of(v)->hflags |= HF_NATIVE;
    x86_run_natively(v);
}
