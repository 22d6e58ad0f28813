/*
 * What a guest does that the vCPU cannot finish alone: exceptions, INT n, and the instructions we intercept.
 *
 * The vCPU runs in Unicorn's SVM guest mode, whose intercepts cost nothing until they hit: UC_HOOK_INTR then fires with
 * 256 + exit code and RIP at the instruction. The control block lies at a physical address no page table can reach.
 */
#include <stdlib.h>
#include <string.h>

#include "uc.h"
#include "x86.h"

#define VMCB_PHYSICAL (1ull << 40)

enum { VMCB_BYTES = 0x4000, VMCB_MSRPM_AT = 0x48, MSRPM_AT = 0x1000, MSRPM_BYTES = 0x2000 };

enum { /* AMD APM vol. 2 appendix C, as exit codes */
    EXIT = 0x100, EXIT_READ_CR8 = 0x08, EXIT_WRITE_CR8 = 0x18, EXIT_UD = 0x46, EXIT_RDTSC = 0x6e, EXIT_CPUID = 0x72,
    EXIT_HLT = 0x78, EXIT_MSR = 0x7c, EXIT_MONITOR = 0x8a, EXIT_MWAIT = 0x8b, FIRST_INTERCEPT = 0x60
};

enum { DR6_BS = 1 << 14 };
enum { OPCODE_IRET = 0xcf, OPCODE_ICEBP = 0xf1, OPCODE_RDTSCP = 0x01 };

static uint64_t here(const vmm_vcpu *v)
{
    return v->recent[(v->count - 1) & (VMM_RECENT - 1)];
}

/* The RIP of the instruction that began last. */
static uint64_t rip_here(const vmm_vcpu *v)
{
    x86_env *env = env_of(v);
    return env->hflags & HF_CS64 ? here(v) : (uint32_t)(here(v) - env->segs[VMM_CS].base);
}

bool x86_ask(vmm_vcpu *v, vmm_trap *trap)
{
    vmm_event event = {.kind = VMM_EV_TRAPPED, .number = trap->kind, .value = trap->number, .pc = here(v)};
    trace_emit(v, &event);
    return v->machine->host.trap(v->machine->host.handle, v->index, trap) == VMM_TRAP_DONE;
}

static void raise(vmm_vcpu *v, uint8_t vector, bool has_error, uint32_t error, uint64_t rip)
{
    static const uint32_t NOT_FAULTS = 1u << X86_DB | 1u << X86_DF;
    x86_event e = {.vector = vector, .kind = EVENT_EXCEPTION, .source = VMM_SRC_EXCEPTION, .rip = rip, .fault_rip = rip,
                   .has_error = has_error && env_of(v)->cr[0] & CR0_PE, .error = error,
                   .fault = !(NOT_FAULTS >> (vector & 31) & 1)};
    x86_deliver(v, &e);
}

static void general_protection(vmm_vcpu *v)
{
    raise(v, X86_GP, true, 0, env_of(v)->eip);
}

/* What the end of any instruction does, for those we finish ourselves. */
static void finish(vmm_vcpu *v, uint32_t length)
{
    x86_env *env = env_of(v);
    uint64_t next = env->eip + length;
    env->eip = env->hflags & HF_CS64 ? next : (uint32_t)next;
    env->hflags &= ~(uint32_t)HF_INH;
    env->eflags &= ~(uint64_t)FL_RF;
    if (env->eflags & FL_TF) {
        v->x86.dr6_pending |= DR6_BS;
        v->pending |= VMM_PEND_DB;
        vcpu_rearm(v);
    }
}

static void cpuid(vmm_vcpu *v, uint32_t length)
{
    enum { OSXSAVE = 1 << 27, CR4_OSXSAVE = 1 << 18, APIC = 1 << 9, APIC_ENABLED = 1 << 11 };
    x86_env *env = env_of(v);
    uint32_t leaf = (uint32_t)env->regs[R_AX], subleaf = (uint32_t)env->regs[R_CX];
    vmm_cpuid found = {0};
    for (uint32_t i = 0; i < v->x86.cpuid_count && i < VMM_MAX_CPUID; i++) {
        const vmm_cpuid *c = &v->x86.cpuid[i];
        if (c->leaf == leaf && (c->any_subleaf || c->subleaf == subleaf)) {
            found = *c;
            break;
        }
    }
    if (leaf == 1) { /* the bits that follow the vCPU's state */
        found.ebx = (found.ebx & 0xffffff) | v->x86.lapic.id << 24;
        if (!(v->x86.lapic.base & APIC_ENABLED))
            found.edx &= ~(uint32_t)APIC;
        if (env->cr[4] & CR4_OSXSAVE)
            found.ecx |= OSXSAVE;
    }
    env->regs[R_AX] = found.eax;
    env->regs[R_BX] = found.ebx;
    env->regs[R_CX] = found.ecx;
    env->regs[R_DX] = found.edx;
    finish(v, length);
}

static void put_pair(x86_env *env, uint64_t value)
{
    env->regs[R_AX] = (uint32_t)value;
    env->regs[R_DX] = value >> 32;
}

static void rdtsc(vmm_vcpu *v, const x86_insn *insn)
{
    enum { TSC_AUX = 0xc0000103 };
    put_pair(env_of(v), x86_tsc(v));
    bool rdtscp = insn->opcode == OPCODE_RDTSCP;
    if (rdtscp)
        env_of(v)->regs[R_CX] = (uint32_t)x86_msr_get(v, TSC_AUX);
    finish(v, insn->length + rdtscp);
}

static bool ask_msr(vmm_vcpu *v, uint8_t kind, uint32_t index, uint64_t *value)
{
    if (!v->x86.trap_msr)
        return false;
    vmm_trap trap = {.kind = kind, .number = index, .value = *value, .size = 8};
    bool done = x86_ask(v, &trap);
    *value = trap.value;
    return done;
}

static void msr(vmm_vcpu *v, bool write, uint32_t length)
{
    x86_env *env = env_of(v);
    uint32_t index = (uint32_t)env->regs[R_CX];
    uint64_t value = (uint32_t)env->regs[R_AX] | env->regs[R_DX] << 32;
    bool done = ask_msr(v, write ? VMM_TRAP_WRMSR : VMM_TRAP_RDMSR, index, &value)
             || (write ? x86_wrmsr(v, index, value) : x86_rdmsr(v, index, &value));
    if (!done) {
        general_protection(v);
        return;
    }
    if (!write)
        put_pair(env, value);
    finish(v, length);
}

/* SDM 11.8.6: CR8 is TPR[7:4]. */
static void cr8(vmm_vcpu *v, const x86_insn *insn, bool write)
{
    x86_env *env = env_of(v);
    uint64_t *reg = &env->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
    if (write && *reg > 15) {
        general_protection(v);
        return;
    }
    if (write) {
        v->x86.lapic.tpr = (uint32_t)*reg << 4;
        intr_update(v);
    } else {
        *reg = v->x86.lapic.tpr >> 4;
    }
    finish(v, insn->length + 1u);
}

static void hlt(vmm_vcpu *v, uint32_t length)
{
    vmm_trap trap = {.kind = VMM_TRAP_HLT};
    bool done = v->x86.trap_hlt && x86_ask(v, &trap);
    finish(v, length);
    if (done)
        return;
    v->halted = 1;
    x86_boundary(v);
}

static void undefined(vmm_vcpu *v, const x86_insn *insn)
{
    bool icebp = insn->map == 0 && insn->opcode == OPCODE_ICEBP;
    if (!icebp) {
        raise(v, X86_UD, false, 0, env_of(v)->eip);
        return;
    }
    finish(v, insn->length); /* INT1: a #DB trap that checks no DPL */
    raise(v, X86_DB, false, 0, env_of(v)->eip);
}

static void intercepted(vmm_vcpu *v, uint32_t exit)
{
    x86_insn insn;
    if (!x86_decode(v, vmm_x86_linear_pc(v), &insn))
        insn = (x86_insn){.length = 1};
    switch (exit) {
    case EXIT_CPUID:
        cpuid(v, insn.length);
        return;
    case EXIT_RDTSC:
        rdtsc(v, &insn);
        return;
    case EXIT_MSR:
        msr(v, tail_of(v)->error_code & 1, insn.length);
        return;
    case EXIT_HLT:
        hlt(v, insn.length);
        return;
    case EXIT_READ_CR8:
    case EXIT_WRITE_CR8:
        cr8(v, &insn, exit == EXIT_WRITE_CR8);
        return;
    case EXIT_UD:
        undefined(v, &insn);
        return;
    default: /* MONITOR and MWAIT, which CPUID does not announce */
        raise(v, X86_UD, false, 0, env_of(v)->eip);
    }
}

static void software(vmm_vcpu *v, uint8_t vector)
{
    vmm_trap trap = {.kind = VMM_TRAP_INT, .number = vector};
    if (v->x86.trap_int[vector >> 6] >> (vector & 63) & 1 && x86_ask(v, &trap))
        return;
    x86_event e = {.vector = vector, .kind = EVENT_SOFTWARE, .source = VMM_SRC_SOFTWARE, .rip = env_of(v)->eip,
                   .fault_rip = rip_here(v)};
    x86_deliver(v, &e);
}

/* SDM 6.7.1: an IRET that faults has unblocked NMIs all the same. */
static void unblock_nmi_if_iret(vmm_vcpu *v)
{
    x86_insn insn;
    if (!(env_of(v)->hflags2 & HF2_NMI))
        return;
    if (x86_decode(v, here(v), &insn) && insn.map == 0 && insn.opcode == OPCODE_IRET)
        env_of(v)->hflags2 &= ~(uint32_t)HF2_NMI;
}

static void exception(vmm_vcpu *v, uint8_t vector)
{
    static const uint32_t WITH_ERROR = 1u << X86_DF | 1u << X86_TS | 1u << X86_NP | 1u << X86_SS | 1u << X86_GP
                                     | 1u << X86_PF | 1u << X86_AC;
    bool has_error = WITH_ERROR >> (vector & 31) & 1;
    uint32_t error = has_error ? (uint32_t)tail_of(v)->error_code : 0;
    vmm_trap trap = {.kind = VMM_TRAP_EXCEPTION, .number = vector, .value = error};
    unblock_nmi_if_iret(v);
    if (v->x86.trap_exception >> (vector & 31) & 1 && x86_ask(v, &trap)) {
        env_of(v)->hflags &= ~(uint32_t)HF_INH;
        return;
    }
    raise(v, vector, has_error, error, env_of(v)->eip);
}

static void on_intr(void *engine, uint32_t number, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    v->machine->current = v;
    if (number >= EXIT)
        intercepted(v, number - EXIT);
    else if (tail_of(v)->exception_is_int)
        software(v, (uint8_t)number);
    else
        exception(v, (uint8_t)number);
    tail_of(v)->old_exception = -1;
    tail_of(v)->exception_is_int = 0; /* an intercept would inherit it, and its RIP with it */
}

/* ---- SYSCALL and SYSENTER: Unicorn adds the instruction's length to RIP after the hook ---- */

enum { MSR_STAR = 0xc0000081, MSR_LSTAR = 0xc0000082, MSR_CSTAR = 0xc0000083, MSR_FMASK = 0xc0000084,
       MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176, EFER_SCE = 1 };

enum { FLAT = DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_G };

static uint32_t length_here(vmm_vcpu *v)
{
    x86_insn insn;
    return x86_decode(v, here(v), &insn) ? insn.length : 2;
}

static void flat_ring0(vmm_vcpu *v, uint32_t selector, bool code64)
{
    x86_load_segment(v, VMM_CS, selector & 0xfffc, 0, 0xffffffff, FLAT | DESC_CODE | (code64 ? DESC_L : DESC_B));
    x86_load_segment(v, VMM_SS, (selector & 0xfffc) + 8, 0, 0xffffffff, FLAT | DESC_B);
}

/* SDM vol. 2B SYSCALL. */
static void on_syscall(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_env *env = env_of(v);
    uint32_t length = length_here(v);
    bool from64 = env->hflags & HF_CS64;
    v->machine->current = v;
    env->eip = rip_here(v);
    if (!(env->efer & EFER_SCE) || !x86_long_mode(v) || !from64) {
        raise(v, X86_UD, false, 0, env->eip);
        env->eip -= length;
        return;
    }
    uint64_t flags = x86_flags(v);
    env->regs[R_CX] = env->eip + length;
    env->regs[R_11] = flags & ~(uint64_t)FL_RF;
    flat_ring0(v, x86_msr_get(v, MSR_STAR) >> 32 & 0xffff, true);
    x86_set_register(v, UC_X86_REG_EFLAGS, (flags & ~(x86_msr_get(v, MSR_FMASK) | FL_RF)) | 2);
    env->eip = x86_msr_get(v, MSR_LSTAR) - length;
}

/* SDM vol. 2B SYSENTER. */
static void on_sysenter(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_env *env = env_of(v);
    uint32_t length = length_here(v);
    uint32_t selector = (uint32_t)x86_msr_get(v, MSR_SYSENTER_CS);
    bool wide = x86_long_mode(v);
    v->machine->current = v;
    env->eip = rip_here(v);
    if (!(env->cr[0] & CR0_PE) || !(selector & 0xfffc)) {
        raise(v, X86_GP, true, 0, env->eip);
        env->eip -= length;
        return;
    }
    env->eflags &= ~(uint64_t)(FL_VM | FL_IF | FL_RF);
    flat_ring0(v, selector, wide);
    uint64_t sp = x86_msr_get(v, MSR_SYSENTER_ESP), ip = x86_msr_get(v, MSR_SYSENTER_EIP);
    env->regs[R_SP] = wide ? sp : (uint32_t)sp;
    env->eip = (wide ? ip : (uint32_t)ip) - length;
}

static uint64_t intercept_bit(int exit)
{
    return 1ull << (exit - FIRST_INTERCEPT);
}

void x86_attach_intercepts(vmm_vcpu *v)
{
    size_t hook;
    uint64_t from = 1, to = 0, msrpm = VMCB_PHYSICAL + MSRPM_AT;
    memset(v->control, 0, VMCB_BYTES);
    memset(v->control + MSRPM_AT, 0xff, MSRPM_BYTES);
    memcpy(v->control + VMCB_MSRPM_AT, &msrpm, sizeof msrpm);
    uc.mem_map_ptr(v->uc, VMCB_PHYSICAL, VMCB_BYTES, UC_PROT_READ | UC_PROT_WRITE, v->control);

    x86_env_tail *tail = tail_of(v);
    tail->vm_vmcb = VMCB_PHYSICAL;
    tail->intercept = intercept_bit(EXIT_CPUID) | intercept_bit(EXIT_RDTSC) | intercept_bit(EXIT_HLT)
                    | intercept_bit(EXIT_MSR) | intercept_bit(EXIT_MONITOR) | intercept_bit(EXIT_MWAIT);
    tail->intercept_cr_read = tail->intercept_cr_write = 1 << 8;
    tail->intercept_exceptions = 1u << X86_UD;
    env_of(v)->hflags |= HF_GUEST;

    uc.hook_add(v->uc, &hook, UC_HOOK_INTR, on_intr, v, from, to);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_syscall, v, from, to, UC_X86_INS_SYSCALL);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_sysenter, v, from, to, UC_X86_INS_SYSENTER);
}

/* A scratch instruction in real mode, without intercepts; the vCPU is reset afterwards. */
void vmm_x86_model_cpuid(vmm_vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    static const uint8_t CODE[] = {0x0f, 0xa2, 0xf4}; /* cpuid; hlt */
    x86_env *env = env_of(v);
    uint8_t kept[sizeof CODE];
    uint64_t count = v->count, intercept = tail_of(v)->intercept;
    memcpy(kept, v->machine->ram, sizeof CODE);
    memcpy(v->machine->ram, CODE, sizeof CODE);
    x86_load_segment(v, VMM_CS, 0, 0, 0xffff, FLAT | DESC_CODE);
    env->regs[R_AX] = leaf;
    env->regs[R_CX] = subleaf;
    tail_of(v)->intercept = 0;
    v->attention_at = VMM_NEVER;
    uc.emu_start(v->uc, 0, 0, 0, 0);
    tail_of(v)->intercept = intercept;
    static const int ORDER[] = {R_AX, R_BX, R_CX, R_DX};
    for (int i = 0; i < 4; i++)
        out[i] = (uint32_t)env->regs[ORDER[i]];
    memcpy(v->machine->ram, kept, sizeof CODE);
    uc.ctl(v->uc, UC_CTL_FLUSH_TB);
    v->count = count;
    memset(v->recent, 0, sizeof v->recent);
    x86_reset(v);
    vcpu_rearm(v);
}
