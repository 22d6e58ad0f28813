/* Instructions the core finishes itself, because Unicorn's answer would not be this machine's. */
#include "core/schedule.h"
#include "core/trap.h"
#include "intc/apic/apic.h"
#include "x86/x86.h"

enum { DR6_BS = 1 << 14, OPCODE_RDTSCP = 0x01 };

/* What the end of any instruction does, for those we finish ourselves. */
void x86_finish(vmm_vcpu *v, uint32_t length)
{
    x86_env *env = env_of(v);
    uint64_t next = env->eip + length;
    env->eip = env->hflags & HF_CS64 ? next : (uint32_t)next;
    env->hflags &= ~(uint32_t)HF_INH;
    env->eflags &= ~(uint64_t)FL_RF;
    if (env->eflags & FL_TF) {
        x86_trap_pending(v, DR6_BS);
    }
}

vmm_cpuid x86_cpuid_leaf(const vmm_vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < x86_of(v)->cpuid_count && i < VMM_MAX_CPUID; i++) {
        const vmm_cpuid *c = &x86_of(v)->cpuid[i];
        if (c->leaf == leaf && (c->any_subleaf || c->subleaf == subleaf))
            return *c;
    }
    return (vmm_cpuid){0};
}

void x86_cpuid(vmm_vcpu *v, const x86_insn *insn)
{
    enum { OSXSAVE = 1 << 27, CR4_OSXSAVE = 1 << 18 };
    x86_env *env = env_of(v);
    uint32_t leaf = (uint32_t)env->regs[R_AX], subleaf = (uint32_t)env->regs[R_CX];
    vmm_cpuid found = x86_cpuid_leaf(v, leaf, subleaf);
    lapic_cpuid(v, leaf, &found.ebx, &found.edx);
    if (leaf == 1 && env->cr[4] & CR4_OSXSAVE)
        found.ecx |= OSXSAVE;
    env->regs[R_AX] = found.eax;
    env->regs[R_BX] = found.ebx;
    env->regs[R_CX] = found.ecx;
    env->regs[R_DX] = found.edx;
    x86_finish(v, insn->length);
}

static void put_pair(x86_env *env, uint64_t value)
{
    env->regs[R_AX] = (uint32_t)value;
    env->regs[R_DX] = value >> 32;
}

void x86_rdtsc(vmm_vcpu *v, const x86_insn *insn)
{
    enum { TSC_AUX = 0xc0000103 };
    put_pair(env_of(v), x86_tsc(v));
    bool rdtscp = insn->opcode == OPCODE_RDTSCP;
    if (rdtscp)
        env_of(v)->regs[R_CX] = (uint32_t)x86_msr_get(v, TSC_AUX);
    x86_finish(v, insn->length + rdtscp);
}

static bool ask_msr(vmm_vcpu *v, uint8_t kind, uint32_t index, uint64_t *value)
{
    if (!x86_of(v)->traps.msr)
        return false;
    vmm_trap trap = {.kind = kind, .number = index, .value = *value, .size = 8};
    bool done = ask_host(v, &trap);
    *value = trap.value;
    return done;
}

void x86_msr_access(vmm_vcpu *v, const x86_insn *insn, bool write)
{
    x86_env *env = env_of(v);
    uint32_t index = (uint32_t)env->regs[R_CX];
    uint64_t value = (uint32_t)env->regs[R_AX] | env->regs[R_DX] << 32;
    bool done = ask_msr(v, write ? VMM_TRAP_WRMSR : VMM_TRAP_RDMSR, index, &value)
             || (write ? x86_wrmsr(v, index, value) : x86_rdmsr(v, index, &value));
    if (!done) {
        x86_general_protection(v);
        return;
    }
    if (!write)
        put_pair(env, value);
    x86_finish(v, insn->length);
}

/* SDM 11.8.6: CR8 is TPR[7:4]. */
void x86_cr8(vmm_vcpu *v, const x86_insn *insn, bool write)
{
    x86_env *env = env_of(v);
    uint64_t *reg = &env->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
    if (write && *reg > 15) {
        x86_general_protection(v);
        return;
    }
    if (write)
        lapic_set_tpr(v, (uint32_t)*reg << 4);
    else
        *reg = x86_of(v)->lapic.tpr >> 4;
    x86_finish(v, insn->length + 1u);
}

void x86_hlt(vmm_vcpu *v, const x86_insn *insn)
{
    vmm_trap trap = {.kind = VMM_TRAP_HLT};
    bool done = x86_of(v)->traps.hlt && ask_host(v, &trap);
    x86_finish(v, insn->length);
    if (done)
        return;
    v->halted = 1;
    x86_boundary(v);
}

/*
 * A loop that waits for another vCPU says so, and the rest of its turn would be wasted. Unicorn's own PAUSE would also
 * miss the single-step trap behind it.
 */
void x86_pause(vmm_vcpu *v, const x86_insn *insn)
{
    x86_finish(v, insn->length);
    if (v->machine->vcpu_count > 1)
        turn_give_up(v);
}

/* INT1 (SDM vol. 2A): a #DB trap that checks no DPL and leaves DR6 alone; what a MOV SS before it held back merges. */
void x86_icebp(vmm_vcpu *v, const x86_insn *insn)
{
    uint64_t flags = env_of(v)->eflags, start = env_of(v)->eip;
    env_of(v)->eflags &= ~(uint64_t)FL_TF;
    x86_finish(v, insn->length);
    env_of(v)->eflags = flags & ~(uint64_t)FL_RF;
    x86_traps_taken(v);
    x86_event e = {.vector = X86_DB, .kind = EVENT_EXCEPTION, .source = VMM_SRC_EXCEPTION, .rip = env_of(v)->eip,
                   .fault_rip = start};
    x86_deliver(v, &e);
}

/* PCOMMIT (66 0F AE F8) has nothing to do here; Unicorn's models do not know it. */
bool x86_emulate_announced(vmm_vcpu *v, const x86_insn *insn)
{
    enum { GROUP15 = 0xae, PCOMMIT = 0xf8, EBX_PCOMMIT = 1 << 22 };
    if (insn->map != 1 || insn->opcode != GROUP15 || insn->modrm != PCOMMIT || !insn->data16)
        return false;
    if (!(x86_cpuid_leaf(v, 7, 0).ebx & EBX_PCOMMIT))
        return false;
    x86_finish(v, insn->length + 1u);
    return true;
}
