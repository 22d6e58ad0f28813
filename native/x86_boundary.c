/*
 * The instruction boundary: one ladder decides what happens before the next instruction (SDM vol. 3A table 6-2).
 *
 * Unicorn calls on_code before every instruction and before every iteration of a REP string instruction. Almost always
 * nothing waits, and the path is a count, two stores and a compare.
 */
#include "uc.h"
#include "x86.h"

enum { OPCODE_STI = 0xfb };

static uint64_t last_pc(const vmm_vcpu *v)
{
    return v->recent[(v->count - 1) & (VMM_RECENT - 1)];
}

/*
 * SDM vol. 2 STI, MOV, POP: one instruction, for STI only when IF was 0. Unicorn's own flag is right but for two cases:
 * it is set by an STI that found IF 1, and not set by an STI inside a MOV SS shadow.
 */
int vmm_x86_shadow(vmm_vcpu *v)
{
    x86_insn insn;
    bool inhibited = env_of(v)->hflags & HF_INH, could_be_sti = !(v->flags_before & FL_IF);
    if (v->count == v->event_count || (!inhibited && !could_be_sti))
        return VMM_SHADOW_NONE;
    if (x86_decode(v, last_pc(v), &insn) && insn.map == 0 && insn.opcode == OPCODE_STI)
        return could_be_sti ? VMM_SHADOW_STI : VMM_SHADOW_NONE;
    return inhibited ? VMM_SHADOW_MOV_SS : VMM_SHADOW_NONE;
}

/* SDM 17.3.1.1: RF is set in the frame of an interrupt between two iterations of a string instruction. */
static bool between_iterations(vmm_vcpu *v, uint64_t pc)
{
    x86_insn insn;
    if (v->count == v->event_count || last_pc(v) != pc || !x86_decode(v, pc, &insn) || insn.map != 0)
        return false;
    bool string = (insn.opcode >= 0x6c && insn.opcode <= 0x6f) || (insn.opcode >= 0xa4 && insn.opcode <= 0xa7)
               || (insn.opcode >= 0xaa && insn.opcode <= 0xaf);
    return string && (insn.rep || insn.repne);
}

static x86_event event_here(vmm_vcpu *v, uint8_t vector, uint8_t kind, uint8_t source)
{
    uint64_t rip = env_of(v)->eip;
    return (x86_event){.vector = vector, .kind = kind, .source = source, .rip = rip, .fault_rip = rip};
}

static bool trap_due(vmm_vcpu *v, int shadow)
{
    return v->pending & VMM_PEND_DB && shadow != VMM_SHADOW_MOV_SS;
}

static bool nmi_due(vmm_vcpu *v, int shadow)
{
    bool shadowed = shadow == VMM_SHADOW_MOV_SS || (shadow == VMM_SHADOW_STI && !v->x86.nmi_in_sti_shadow);
    return v->pending & VMM_PEND_NMI && !(env_of(v)->hflags2 & HF2_NMI) && !shadowed;
}

static bool maskable_due(vmm_vcpu *v, int shadow)
{
    return v->pending & (VMM_PEND_INTR | VMM_PEND_INJECT) && env_of(v)->eflags & FL_IF && shadow == VMM_SHADOW_NONE;
}

static void deliver_trap(vmm_vcpu *v)
{
    v->pending &= ~(uint32_t)VMM_PEND_DB;
    tail_of(v)->dr[6] |= v->x86.dr6_pending;
    v->x86.dr6_pending = 0;
    x86_event e = event_here(v, X86_DB, EVENT_EXCEPTION, VMM_SRC_EXCEPTION);
    x86_deliver(v, &e);
}

static void deliver_nmi(vmm_vcpu *v)
{
    v->pending &= ~(uint32_t)VMM_PEND_NMI;
    env_of(v)->hflags2 |= HF2_NMI;
    x86_event e = event_here(v, X86_NMI, EVENT_NMI, VMM_SRC_NMI);
    e.raised = v->nmi_raised;
    e.fault = between_iterations(v, vmm_x86_linear_pc(v));
    x86_deliver(v, &e);
}

static accepted accept_maskable(vmm_vcpu *v)
{
    if (v->pending & VMM_PEND_INJECT) {
        v->pending &= ~(uint32_t)VMM_PEND_INJECT;
        return (accepted){.vector = v->inject_vector, .source = VMM_SRC_SCRIPT, .raised = v->inject_raised};
    }
    return lapic_wants(v) ? lapic_acknowledge(v) : pic_acknowledge(v->machine);
}

static void deliver_maskable(vmm_vcpu *v)
{
    bool repeating = between_iterations(v, vmm_x86_linear_pc(v));
    accepted a = accept_maskable(v);
    x86_event e = event_here(v, a.vector, EVENT_EXTERNAL, a.source);
    e.pin = a.pin;
    e.raised = a.raised;
    e.fault = repeating;
    x86_deliver(v, &e);
}

/* The ladder. Lower faults are the instruction's own and come again; interrupts stay held. */
static bool take_event(vmm_vcpu *v)
{
    const uint32_t events = VMM_PEND_DB | VMM_PEND_NMI | VMM_PEND_INTR | VMM_PEND_INJECT;
    if (!(v->pending & events))
        return false;
    bool nothing_can = !(v->pending & (VMM_PEND_DB | VMM_PEND_NMI)) && !(env_of(v)->eflags & FL_IF);
    if (nothing_can)
        return false;
    int shadow = vmm_x86_shadow(v);
    if (trap_due(v, shadow))
        deliver_trap(v);
    else if (nmi_due(v, shadow))
        deliver_nmi(v);
    else if (maskable_due(v, shadow))
        deliver_maskable(v);
    else
        return false;
    return true;
}

static bool at_breakpoint(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (!m->break_count || v->pending & VMM_PEND_RESUME || v->halted)
        return false;
    uint64_t pc = vmm_x86_linear_pc(v);
    for (uint32_t i = 0; i < m->break_count; i++)
        if (m->breaks[i] == pc)
            return true;
    return false;
}

static bool must_stop(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (v->pending & VMM_PEND_STOP)
        return true;
    if (v->count >= m->limit_insns || vcpu_now(v) >= m->limit_ns)
        vcpu_request_stop(v, VMM_STOP_LIMIT, v->count >= m->limit_insns ? 0 : 1, vmm_x86_linear_pc(v));
    else if (v->count >= m->slice_end)
        vcpu_request_stop(v, VMM_STOP_SLICE, 0, vmm_x86_linear_pc(v));
    else if (at_breakpoint(v))
        vcpu_request_stop(v, VMM_STOP_BREAK, 0, vmm_x86_linear_pc(v));
    return v->pending & VMM_PEND_STOP;
}

/* Halted: time jumps from deadline to deadline until something wakes the vCPU (SDM vol. 2 HLT). */
static bool sleep_until_event(vmm_vcpu *v)
{
    uint64_t asleep_since = vcpu_now(v);
    for (;;) {
        clock_expire(v->machine);
        if (must_stop(v) || take_event(v))
            return false;
        bool masked = !(env_of(v)->eflags & FL_IF);
        if (masked || vcpu_now(v) - asleep_since > v->machine->idle_ns || !clock_skip(v)) {
            vcpu_request_stop(v, VMM_STOP_IDLE, masked, vmm_x86_linear_pc(v));
            return false;
        }
    }
}

/* An instruction that runs natively begins at this boundary, or has ended before it. */
static bool native_begins(vmm_vcpu *v)
{
    if (!(v->pending & VMM_PEND_NATIVE))
        return false;
    if (v->x86.native == VMM_NATIVE_BEGINS) {
        v->x86.native = VMM_NATIVE_ENDS;
        return true;
    }
    if (v->x86.native_iret)
        x86_iret_done(v);
    x86_intercepts_restore(v);
    if (v->x86.watch_changed)
        x86_watch_update(v);
    return false;
}

bool x86_boundary(vmm_vcpu *v)
{
    bool go;
    v->machine->current = v;
    if (native_begins(v))
        return true;
    v->x86.watch_hit = 0;
    if (v->x86.watch_flush) { /* leave the translated code before it is dropped */
        uc.emu_stop(v->uc);
        return false;
    }
    if (v->halted) {
        go = sleep_until_event(v);
    } else {
        clock_expire(v->machine);
        go = !must_stop(v) && !take_event(v);
    }
    v->pending &= ~(uint32_t)VMM_PEND_RESUME;
    if (v->pending & VMM_PEND_STOP)
        uc.emu_stop(v->uc);
    vcpu_rearm(v);
    return go;
}

static void on_code(void *engine, uint64_t pc, uint32_t size, void *user)
{
    (void)engine, (void)size;
    vmm_vcpu *v = user;
    if (unlikely(v->count >= v->attention_at)) {
        v->in_code_hook = 1;
        bool go = x86_boundary(v);
        v->in_code_hook = 0;
        if (!go)
            return;
    }
    uint64_t flags = env_of(v)->eflags;
    if (unlikely(flags & v->flags_before & FL_RF)) /* RF lives for one instruction; Unicorn clears it late */
        env_of(v)->eflags = flags & ~(uint64_t)FL_RF;
    v->flags_before = flags;
    v->recent[v->count++ & (VMM_RECENT - 1)] = pc;
}

void x86_attach_boundary(vmm_vcpu *v)
{
    size_t hook;
    uc.hook_add(v->uc, &hook, UC_HOOK_CODE, on_code, v, (uint64_t)1, (uint64_t)0);
}
