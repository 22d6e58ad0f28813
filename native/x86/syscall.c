/* SYSCALL and SYSENTER (SDM vol. 2B; AMD APM vol. 3 for SYSCALL outside 64-bit mode). Unicorn leaves both to a hook, and
 * adds the instruction's length to RIP after it. */
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

enum { MSR_STAR = 0xc0000081, MSR_LSTAR = 0xc0000082, MSR_CSTAR = 0xc0000083, MSR_FMASK = 0xc0000084,
       MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176, EFER_SCE = 1 };

enum { FLAT = DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_G };

static uint32_t length_here(vmm_vcpu *v)
{
    x86_insn insn;
    return x86_decode(v, vcpu_here(v), &insn) ? insn.length : 2;
}

static void flat_ring0(vmm_vcpu *v, uint32_t selector, bool code64)
{
    x86_load_segment(v, VMM_CS, selector & 0xfffc, 0, 0xffffffff, FLAT | DESC_CODE | (code64 ? DESC_L : DESC_B));
    x86_load_segment(v, VMM_SS, (selector & 0xfffc) + 8, 0, 0xffffffff, FLAT | DESC_B);
}

/* Not back to the translated instruction: where TF was set it would trap as one that has completed. */
static _Noreturn void refuse(vmm_vcpu *v, uint8_t vector, bool has_error)
{
    x86_raise(v, vector, has_error, 0, env_of(v)->eip);
    x86_leave_translated_code(v);
}

static void syscall_long(vmm_vcpu *v, uint32_t length)
{
    x86_env *env = env_of(v);
    bool from64 = env->hflags & HF_CS64;
    uint64_t flags = x86_flags(v), target = x86_msr_get(v, from64 ? MSR_LSTAR : MSR_CSTAR);
    env->regs[R_CX] = env->eip + length;
    env->regs[R_11] = flags & ~(uint64_t)FL_RF;
    flat_ring0(v, x86_msr_get(v, MSR_STAR) >> 32 & 0xffff, true);
    x86_set_register(v, UC_X86_REG_EFLAGS, (flags & ~(x86_msr_get(v, MSR_FMASK) | FL_RF)) | 2);
    env->eip = target - length;
}

static void syscall_legacy(vmm_vcpu *v, uint32_t length)
{
    x86_env *env = env_of(v);
    uint64_t star = x86_msr_get(v, MSR_STAR);
    env->regs[R_CX] = (uint32_t)(env->eip + length);
    env->eflags &= ~(uint64_t)(FL_VM | FL_IF | FL_RF);
    flat_ring0(v, star >> 32 & 0xffff, false);
    env->eip = (uint32_t)star - length;
}

static void on_syscall(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_abort_access(v);
    x86_env *env = env_of(v);
    x86_flags_computed(v);
    uint32_t length = length_here(v);
    bool allowed_here = env->hflags & HF_CS64 || x86_of(v)->syscall_anywhere;
    env->eip = x86_rip_here(v);
    if (!(env->efer & EFER_SCE) || !(env->cr[0] & CR0_PE) || !allowed_here) {
        refuse(v, X86_UD, false);
    }
    if (x86_long_mode(v))
        syscall_long(v, length);
    else
        syscall_legacy(v, length);
}

/* SDM vol. 2B SYSENTER. */
static void on_sysenter(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_abort_access(v);
    x86_env *env = env_of(v);
    x86_flags_computed(v);
    uint32_t length = length_here(v);
    uint32_t selector = (uint32_t)x86_msr_get(v, MSR_SYSENTER_CS);
    bool long_mode = x86_long_mode(v);
    env->eip = x86_rip_here(v);
    if (!(env->cr[0] & CR0_PE) || !(selector & 0xfffc)) {
        refuse(v, X86_GP, true);
    }
    env->eflags &= ~(uint64_t)(FL_VM | FL_IF | FL_RF);
    flat_ring0(v, selector, long_mode);
    uint64_t sp = x86_msr_get(v, MSR_SYSENTER_ESP), ip = x86_msr_get(v, MSR_SYSENTER_EIP);
    env->regs[R_SP] = long_mode ? sp : (uint32_t)sp;
    env->eip = (long_mode ? ip : (uint32_t)ip) - length;
}

enum { DR6_BS = 1 << 14, FL_RETURNED = 0x3c7fd7 };

static void flat_ring3(vmm_vcpu *v, uint32_t cs, uint32_t ss, bool code64)
{
    const uint32_t ring3 = FLAT | 3 << 13;
    x86_load_segment(v, VMM_CS, (cs & 0xfffc) | 3, 0, 0xffffffff, ring3 | DESC_CODE | (code64 ? DESC_L : DESC_B));
    x86_load_segment(v, VMM_SS, (ss & 0xfffc) | 3, 0, 0xffffffff, ring3 | DESC_B);
}

static void leave_ring0(vmm_vcpu *v, uint64_t rip)
{
    env_of(v)->eip = rip;
    env_of(v)->hflags &= ~(uint32_t)HF_INH;
}

/*
 * Intel's, in IA-32e mode (SDM vol. 2B SYSRET): with a non-canonical RCX it faults in ring 0; AMD's faults at the first
 * fetch of ring 3 (AMD APM vol. 3 SYSRET). The single-step trap is up to the flags that it loads.
 */
void x86_sysret(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    bool to64 = insn->rex & 8;
    uint64_t rip = to64 ? env->regs[R_CX] : (uint32_t)env->regs[R_CX];
    uint32_t base = x86_msr_get(v, MSR_STAR) >> 48 & 0xffff;
    if (!(env->efer & EFER_SCE) || !(env->hflags & HF_CS64)) {
        x86_raise(v, X86_UD, false, 0, env->eip);
        return;
    }
    if (env->hflags & HF_CPL || !x86_canonical(v, rip)) {
        x86_general_protection(v);
        return;
    }
    x86_set_register(v, UC_X86_REG_EFLAGS, (env->regs[R_11] & FL_RETURNED) | 2);
    flat_ring3(v, to64 ? base + 16 : base, base + 8, to64);
    leave_ring0(v, rip);
    if (env->eflags & FL_TF)
        x86_trap_pending(v, DR6_BS);
}

/* In IA-32e mode (SDM vol. 2B SYSEXIT); AMD's processors do not have it there. */
void x86_sysexit(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    bool to64 = insn->rex & 8, traps = env->eflags & FL_TF;
    uint32_t base = (uint32_t)x86_msr_get(v, MSR_SYSENTER_CS);
    uint64_t rip = to64 ? env->regs[R_DX] : (uint32_t)env->regs[R_DX];
    uint64_t rsp = to64 ? env->regs[R_CX] : (uint32_t)env->regs[R_CX];
    if (x86_of(v)->syscall_anywhere) {
        x86_raise(v, X86_UD, false, 0, env->eip);
        return;
    }
    if (!(base & 0xfffc) || env->hflags & HF_CPL || !x86_canonical(v, rip) || !x86_canonical(v, rsp)) {
        x86_general_protection(v);
        return;
    }
    flat_ring3(v, to64 ? base + 32 : base + 16, to64 ? base + 40 : base + 24, to64);
    env->regs[R_SP] = rsp;
    env->eflags &= ~(uint64_t)FL_RF;
    leave_ring0(v, rip);
    if (traps)
        x86_trap_pending(v, DR6_BS);
}

void x86_attach_syscalls(vmm_vcpu *v)
{
    size_t hook;
    uint64_t from = 1, to = 0;
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_syscall, v, from, to, UC_X86_INS_SYSCALL);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_sysenter, v, from, to, UC_X86_INS_SYSENTER);
}
