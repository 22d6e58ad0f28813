/*
 * Whether a program may access a port (SDM vol. 1 19.5.2, vol. 3B 20.2.8.1). Unicorn lets every one. Where a mode has to ask,
 * port instructions are diverted to us (diverted.c) and come here first; what is allowed then runs natively.
 */
#include "x86/x86.h"

enum { TSS32 = 9, TSS_BUSY = 2, IO_MAP_BASE = 0x66 };

/* The map's two bytes from the port's bit on; beyond the TSS, or in one of 16 bits, no port is allowed. */
static x86_fault ask_map(vmm_vcpu *v, uint16_t port, unsigned size)
{
    const x86_seg *tr = &env_of(v)->tr;
    uint16_t map_base, bits;
    if ((desc_type(tr->flags) & ~(unsigned)TSS_BUSY) != TSS32 || IO_MAP_BASE + 1 > tr->limit)
        return x86_fault_code(X86_GP, 0);
    x86_fault fault = x86_load(v, tr->base + IO_MAP_BASE, &map_base, sizeof map_base);
    if (fault.raised)
        return fault;
    uint32_t at = map_base + port / 8u;
    if (at + 1 > tr->limit)
        return x86_fault_code(X86_GP, 0);
    fault = x86_load(v, tr->base + at, &bits, sizeof bits);
    if (!fault.raised && bits >> port % 8 & ((1u << size) - 1))
        fault = x86_fault_code(X86_GP, 0);
    return fault;
}

static unsigned port_size(const vmm_vcpu *v, const x86_insn *insn)
{
    if (!(insn->opcode & 1))
        return 1;
    unsigned size = x86_operand_size(v, insn);
    return size == 8 ? 4 : size; /* no port has more */
}

/* REP with a count of 0 is over before it begins, but has asked. */
static bool counts_to_nothing(const vmm_vcpu *v, const x86_insn *insn)
{
    bool string = insn->opcode < 0x70;
    return string && (insn->rep || insn->repne) && !(env_of(v)->regs[R_CX] & x86_count_mask(v, insn));
}

void x86_port_access(vmm_vcpu *v, const x86_insn *insn)
{
    bool immediate = insn->opcode >= 0xe4 && insn->opcode < 0xe8;
    uint16_t port = immediate ? insn->modrm : (uint16_t)env_of(v)->regs[R_DX];
    x86_fault fault = ask_map(v, port, port_size(v, insn));
    if (fault.raised) {
        x86_raise(v, fault.vector, true, fault.error, env_of(v)->eip);
    } else if (counts_to_nothing(v, insn)) {
        x86_finish(v, insn->length);
    } else {
        env_of(v)->hflags |= HF_NATIVE;
        x86_run_natively(v);
    }
}
