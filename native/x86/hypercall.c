/*
 * KVM's hypercalls (Linux, Documentation/virt/kvm/x86/hypercalls.rst): VMCALL or VMMCALL with the number in RAX and
 * arguments in RBX, RCX, RDX, RSI; the result in RAX. CPUID announces none of them, so only who knows calls.
 */
#include "intc/apic/apic.h"
#include "x86/x86.h"

enum { GROUP7 = 0x01, VMCALL = 0xc1, VMMCALL = 0xd9 };
enum { SEND_IPI = 10 };
enum { NOT_PERMITTED = -1, INVALID = -22, UNKNOWN = -1000 }; /* EPERM, EINVAL, KVM_ENOSYS of linux/kvm_para.h */

/* For each bit that is set, the IPI that `icr` describes goes to APIC id first + bit; how many were accepted. */
static int64_t send_each(vmm_machine *m, uint64_t bitmap, uint64_t first, uint32_t icr)
{
    int64_t accepted_by = 0;
    for (; bitmap; bitmap &= bitmap - 1) {
        uint64_t id = first + (unsigned)__builtin_ctzll(bitmap);
        accepted_by += id <= UINT32_MAX && apic_send_to(m, icr, (uint32_t)id);
    }
    return accepted_by;
}

/* The bitmap says who, so ICR's own destination mode and shorthand must be 0. */
static int64_t send_ipi(vmm_machine *m, const uint64_t argument[4], unsigned bits)
{
    enum { DESTINATION_MODE = 1 << 11, SHORTHAND = 3 << 18 };
    uint32_t icr = (uint32_t)argument[3], lowest = (uint32_t)argument[2];
    if (icr & (DESTINATION_MODE | SHORTHAND))
        return INVALID;
    return send_each(m, argument[0], lowest, icr) + send_each(m, argument[1], (uint64_t)lowest + bits, icr);
}

static int64_t answer(vmm_vcpu *v, unsigned bits)
{
    const x86_env *env = env_of(v);
    const uint64_t mask = bits == 64 ? ~0ull : UINT32_MAX;
    const uint64_t argument[4] = {env->regs[R_BX] & mask, env->regs[R_CX] & mask, env->regs[R_DX] & mask,
                              env->regs[R_SI] & mask};
    if (env->hflags & HF_CPL)
        return NOT_PERMITTED;
    return (env->regs[R_AX] & mask) == SEND_IPI ? send_ipi(v->machine, argument, bits) : UNKNOWN;
}

bool x86_hypercall(vmm_vcpu *v, const x86_insn *insn)
{
    bool group7 = insn->map == 1 && insn->opcode == GROUP7 && (insn->modrm == VMCALL || insn->modrm == VMMCALL);
    if (!group7 || insn->lock || insn->rep || insn->repne || insn->data16)
        return false;
    unsigned bits = env_of(v)->hflags & HF_CS64 ? 64 : 32;
    int64_t result = answer(v, bits);
    env_of(v)->regs[R_AX] = bits == 64 ? (uint64_t)result : (uint32_t)result;
    x86_finish(v, insn->length + 1u);
    return true;
}
