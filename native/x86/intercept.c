/*
 * What a guest does that the vCPU cannot finish alone: exceptions, INT n, and the instructions we intercept.
 *
 * The vCPU runs in Unicorn's SVM guest mode, whose intercepts cost nothing until they hit: UC_HOOK_INTR then fires with
 * 256 + exit code and RIP at the instruction. The control block lies at a physical address no page table can reach.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/trap.h"
#include "core/trigger.h"
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

#define VMCB_PHYSICAL (1ull << 40)

enum { VMCB_BYTES = 0x4000, VMCB_MSRPM_AT = 0x48, MSRPM_AT = 0x1000, MSRPM_BYTES = 0x2000 };

enum { /* AMD APM vol. 2 appendix C, as exit codes */
    EXIT = 0x100, EXIT_UD = 0x46, FIRST_INTERCEPT = 0x60, EXIT_IDTR_READ = 0x66, EXIT_GDTR_READ = 0x67,
    EXIT_LDTR_READ = 0x68, EXIT_TR_READ = 0x69,
    EXIT_IDTR_WRITE = 0x6a, EXIT_GDTR_WRITE = 0x6b, EXIT_LDTR_WRITE = 0x6c, EXIT_TR_WRITE = 0x6d, EXIT_IRET = 0x74, EXIT_RDTSC = 0x6e, EXIT_RDPMC = 0x6f, EXIT_CPUID = 0x72,
    EXIT_PAUSE = 0x77, EXIT_HLT = 0x78, EXIT_MSR = 0x7c, EXIT_MONITOR = 0x8a, EXIT_MWAIT = 0x8b
};

enum { OPCODE_IRET = 0xcf, OPCODE_ICEBP = 0xf1 };

uint64_t x86_rip_here(const vmm_vcpu *v)
{
    x86_env *env = env_of(v);
    return env->hflags & HF_CS64 ? vcpu_here(v) : (uint32_t)(vcpu_here(v) - env->segs[VMM_CS].base);
}

/* An exception, unless Python finishes it. */
static void except(vmm_vcpu *v, x86_event *e)
{
    vmm_trap trap = {.kind = VMM_TRAP_EXCEPTION, .number = e->vector, .value = e->error};
    if (x86_of(v)->traps.exceptions >> (e->vector & 31) & 1 && ask_host(v, &trap))
        env_of(v)->hflags &= ~(uint32_t)HF_INH;
    else
        x86_deliver(v, e);
    x86_debug_status_known(v);
}

void x86_raise(vmm_vcpu *v, uint8_t vector, bool has_error, uint32_t error, uint64_t rip)
{
    x86_event e = {.vector = vector, .kind = EVENT_EXCEPTION, .source = VMM_SRC_EXCEPTION, .rip = rip, .fault_rip = rip,
                   .has_error = has_error && env_of(v)->cr[0] & CR0_PE, .error = error, .fault = vector != X86_DB};
    if (e.fault)
        x86_watch_cancel(v);
    except(v, &e);
}

void x86_general_protection(vmm_vcpu *v)
{
    x86_raise(v, X86_GP, true, 0, env_of(v)->eip);
}

static void undefined(vmm_vcpu *v, const x86_insn *insn)
{
    if (x86_transaction_begins_or_ends(v, insn))
        return;
    if (x86_transacting(v)) {
        x86_abort(v, 0, VMM_TX_INSTRUCTION);
        return;
    }
    bool icebp = insn->map == 0 && insn->opcode == OPCODE_ICEBP;
    if (!insn->lock && x86_divert(v, insn))
        return;
    if (x86_is_undefined(v))
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
    else if (icebp)
        x86_icebp(v, insn);
    else if (!x86_hypercall(v, insn) && !x86_emulate_announced(v, insn))
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
}

static void intercepted(vmm_vcpu *v, uint32_t exit)
{
    x86_insn insn;
    if (!x86_decode(v, vmm_x86_linear_pc(v), &insn))
        insn = (x86_insn){.length = 1};
    if (x86_transacting(v) && exit != EXIT_UD && exit != EXIT_RDTSC) { /* SDM vol. 1 16.3.8.1: they may abort */
        x86_abort(v, 0, VMM_TX_INSTRUCTION);
        return;
    }
    if (exit < EXIT_UD) { /* control and debug registers */
        x86_control_access(v, exit, &insn);
        return;
    }
    switch (exit) {
    case EXIT_UD:
        undefined(v, &insn);
        return;
    case EXIT_IDTR_READ:
    case EXIT_GDTR_READ:
    case EXIT_LDTR_READ:
    case EXIT_TR_READ:
        x86_table_read(v);
        return;
    case EXIT_IDTR_WRITE:
    case EXIT_GDTR_WRITE:
    case EXIT_LDTR_WRITE:
    case EXIT_TR_WRITE:
        x86_table_load(v, &insn);
        return;
    case EXIT_IRET:
        x86_intercepts_set(v, true); /* this one is let in by return.c, one at a time */
        x86_iret(v, &insn);
        return;
    case EXIT_RDTSC:
        x86_rdtsc(v, &insn);
        return;
    case EXIT_RDPMC:
        x86_rdpmc(v, &insn);
        return;
    case EXIT_CPUID:
        x86_cpuid(v, &insn);
        return;
    case EXIT_PAUSE:
        x86_pause(v, &insn);
        return;
    case EXIT_HLT:
        x86_hlt(v, &insn);
        return;
    case EXIT_MSR:
        x86_msr_access(v, &insn, tail_of(v)->error_code & 1);
        return;
    default: /* MONITOR and MWAIT, which CPUID does not announce */
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
    }
}

static void software(vmm_vcpu *v, uint8_t vector)
{
    vmm_trap trap = {.kind = VMM_TRAP_INT, .number = vector};
    if (x86_of(v)->traps.vectors[vector >> 6] >> (vector & 63) & 1 && ask_host(v, &trap))
        return;
    env_of(v)->eflags &= ~(uint64_t)FL_RF; /* of the instruction, which is over */
    x86_event e = {.vector = vector, .kind = EVENT_SOFTWARE, .source = VMM_SRC_SOFTWARE, .rip = env_of(v)->eip,
                   .fault_rip = x86_rip_here(v)};
    x86_deliver(v, &e);
}

/* SDM 6.7.1: an IRET that faults has unblocked NMIs all the same. */
static void unblock_nmi_if_iret(vmm_vcpu *v)
{
    x86_insn insn;
    if (!(env_of(v)->hflags2 & HF2_NMI))
        return;
    if (!x86_decode(v, vcpu_here(v), &insn) || insn.map != 0 || insn.opcode != OPCODE_IRET)
        return;
    env_of(v)->hflags2 &= ~(uint32_t)HF2_NMI;
    x86_note_masks(v);
}

static bool is_single_step(const vmm_vcpu *v, uint8_t vector)
{
    return vector == X86_DB && v->count != v->event_count && v->flags_before & FL_TF;
}

/*
 * Code breakpoints and faults on fetching an instruction come before Unicorn calls the boundary for it, though they are of
 * classes 7 and 8 and the boundary decides about 3 to 6 (SDM vol. 3A table 6-2). A single-step trap belongs to the
 * instruction before.
 */
static bool boundary_comes_first(const vmm_vcpu *v, uint8_t vector, uint32_t error, uint64_t pc)
{
    enum { LONGEST = 15, ERROR_WRITE = 2 };
    bool fetch = vector == X86_PF && !(error & ERROR_WRITE) && env_of(v)->cr[2] - pc < LONGEST;
    bool not_begun = v->count == v->event_count || pc != vcpu_here(v) || fetch;
    return not_begun && !is_single_step(v, vector) && (vector == X86_DB || vector == X86_PF || vector == X86_GP);
}

static void exception(vmm_vcpu *v, uint8_t vector)
{
    static const uint32_t WITH_ERROR = 1u << X86_DF | 1u << X86_TS | 1u << X86_NP | 1u << X86_SS | 1u << X86_GP
                                     | 1u << X86_PF | 1u << X86_AC;
    bool has_error = WITH_ERROR >> (vector & 31) & 1;
    uint32_t error = has_error ? (uint32_t)tail_of(v)->error_code : 0;
    uint64_t cr2 = env_of(v)->cr[2];
    if (x86_task_switched(v) || (vector == X86_DB && x86_breakpoint_shadowed(v)))
        return;
    if (x86_return_undone(v) || x86_return_refused(v, vector))
        return;
    unblock_nmi_if_iret(v);
    if (is_single_step(v, vector))
        x86_traps_taken(v);
    else
        x86_watch_cancel(v);
    if (vector == X86_GP && error == 0)
        x86_refine_general_protection(v, &vector);
    uint64_t pc = vmm_x86_linear_pc(v);
    if (boundary_comes_first(v, vector, error, pc)) {
        trigger_reached(v, pc);
        if (!x86_boundary(v))
            return;
        x86_begin(v, pc, env_of(v)->eflags); /* an attempt counts: who cannot fetch for ever still meets the limits */
        env_of(v)->cr[2] = cr2;
    }
    if (vector == X86_GP && error == 0 && x86_rdpmc_refused(v))
        return;
    if (vector == X86_NM && x86_fpu_stopped(v))
        return;
    if (vector == X86_DB && v->flush_tlb) /* a trap comes behind the instruction, and finds the tables as that left them */
        uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
    bool trap_between = vector == X86_DB && x86_between_iterations(v);
    static const uint32_t NOT_FAULTS = 1u << X86_DB | 1u << X86_DF;
    x86_event e = {.vector = vector, .kind = EVENT_EXCEPTION, .source = VMM_SRC_EXCEPTION, .rip = env_of(v)->eip,
                   .fault_rip = env_of(v)->eip, .has_error = has_error && env_of(v)->cr[0] & CR0_PE, .error = error,
                   .fault = trap_between || !(NOT_FAULTS >> (vector & 31) & 1)};
    except(v, &e);
}

static void on_intr(void *engine, uint32_t number, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_wrap_eip(v);
    x86_settle_exception(v);
    x86_intercepts_restore(v);
    if (number >= EXIT)
        intercepted(v, number - EXIT);
    else if (tail_of(v)->exception_is_int)
        software(v, (uint8_t)number);
    else
        exception(v, (uint8_t)number);
    tail_of(v)->old_exception = -1;
    tail_of(v)->exception_is_int = 0; /* an intercept would inherit it, and its RIP with it */
    if (v->pending & VMM_PEND_STOP) /* the next boundary may never come: what cannot be fetched has none */
        uc.emu_stop(v->uc);
}

/* Unicorn takes INT 6 for an undefined instruction and asks here; a real one is intercepted before. */
static int on_invalid(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    x86_env_tail *tail = tail_of(v);
    if (!tail->exception_is_int)
        return 0;
    env_of(v)->eip = tail->exception_next_eip;
    on_intr(engine, X86_UD, v);
    return 1;
}

static uint64_t intercept_bit(int exit)
{
    return 1ull << (exit - FIRST_INTERCEPT);
}

void x86_intercepts_set(vmm_vcpu *v, bool on)
{
    static const int EXITS[] = {EXIT_IDTR_READ, EXIT_GDTR_READ, EXIT_LDTR_READ, EXIT_TR_READ, EXIT_IDTR_WRITE, EXIT_GDTR_WRITE,
                                EXIT_LDTR_WRITE, EXIT_TR_WRITE, EXIT_RDTSC, EXIT_RDPMC, EXIT_CPUID,
                                EXIT_PAUSE, EXIT_HLT, EXIT_MSR, EXIT_MONITOR, EXIT_MWAIT};
    enum { CR0 = 1 << 0, CR4 = 1 << 4, CR8 = 1 << 8, ALL_DR = 0xff };
    x86_env_tail *tail = tail_of(v);
    uint64_t bits = 0;
    for (unsigned i = 0; i < sizeof EXITS / sizeof *EXITS; i++)
        bits |= intercept_bit(EXITS[i]);
    tail->intercept = on ? bits : 0;
    tail->intercept_cr_read = on ? CR0 | CR8 : 0;
    tail->intercept_cr_write = on ? CR0 | CR4 | CR8 : 0;
    tail->intercept_dr_read = tail->intercept_dr_write = on ? ALL_DR : 0;
}

/* Let the intercepted instruction run as Unicorn has it. It has been counted, and begins once more. */
void x86_run_natively(vmm_vcpu *v)
{
    x86_intercepts_set(v, false);
    v->count--;
    x86_of(v)->native = VMM_NATIVE_BEGINS;
    v->pending |= VMM_PEND_NATIVE;
    vcpu_rearm(v);
}

void x86_intercepts_restore(vmm_vcpu *v)
{
    if (!(v->pending & VMM_PEND_NATIVE))
        return;
    v->pending &= ~(uint32_t)VMM_PEND_NATIVE;
    env_of(v)->hflags &= ~(uint32_t)HF_NATIVE;
    x86_intercepts_set(v, true);
    vcpu_rearm(v);
}

void x86_attach_intercepts(vmm_vcpu *v)
{
    size_t hook;
    uint64_t from = 1, to = 0, msrpm = VMCB_PHYSICAL + MSRPM_AT;
    memset(v->control, 0, VMCB_BYTES);
    memset(v->control + MSRPM_AT, 0xff, MSRPM_BYTES);
    memcpy(v->control + VMCB_MSRPM_AT, &msrpm, sizeof msrpm);
    uc.mem_map_ptr(v->uc, VMCB_PHYSICAL, VMCB_BYTES, UC_PROT_READ | UC_PROT_WRITE, v->control);
    tail_of(v)->vm_vmcb = VMCB_PHYSICAL;
    tail_of(v)->intercept_exceptions = 1u << X86_UD;
    env_of(v)->hflags |= HF_GUEST;
    x86_intercepts_set(v, true);
    uc.hook_add(v->uc, &hook, UC_HOOK_INTR, on_intr, v, from, to);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN_INVALID, on_invalid, v, from, to);
}
