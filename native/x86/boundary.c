/*
 * The instruction boundary: one ladder decides what happens before the next instruction (SDM vol. 3A table 6-2).
 *
 * Unicorn calls on_code before every instruction and before every iteration of a REP string instruction. Almost always
 * nothing waits, and the path is a count, two stores and a compare.
 */
#include "core/boundary.h"
#include "core/clock.h"
#include "core/coverage.h"
#include "core/line.h"
#include "core/pages.h"
#include "core/stimulus.h"
#include "core/trace.h"
#include "core/trigger.h"
#include "intc/apic/apic.h"
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

enum { EVENTS = VMM_PEND_DB | VMM_PEND_NMI | VMM_PEND_INTR | VMM_PEND_INJECT | VMM_PEND_INIT };
enum { OPCODE_STI = 0xfb, OPCODE_MOV_SEGMENT = 0x8e, OPCODE_POP_SS = 0x17 };

typedef enum { OTHER, STI, LOADS_SS } shadow_caster;

static shadow_caster caster_at(vmm_vcpu *v, uint64_t pc)
{
    x86_insn insn;
    if (!x86_decode(v, pc, &insn) || insn.map != 0)
        return OTHER;
    if (insn.opcode == OPCODE_STI)
        return STI;
    bool mov_ss = insn.opcode == OPCODE_MOV_SEGMENT && (insn.modrm >> 3 & 7) == VMM_SS;
    return mov_ss || insn.opcode == OPCODE_POP_SS ? LOADS_SS : OTHER;
}

/*
 * SDM vol. 2 STI, MOV, POP: one instruction, for STI only when IF was 0, for SS not when the instruction before loaded
 * SS, too. Unicorn's flag alone would be wrong for an STI that finds IF 1 and for either of the two in the other's shadow.
 */
int vmm_x86_shadow(vmm_vcpu *v)
{
    bool inhibited = env_of(v)->hflags & HF_INH;
    const vmm_block *b = v->begun;
    bool cast_none = b && !b->casts && vcpu_here(v) == b->last; /* which is known without reading it */
    if (v->count == v->event_count || cast_none)
        return VMM_SHADOW_NONE;
    switch (caster_at(v, vcpu_here(v))) {
    case STI:
        return v->flags_before & FL_IF ? VMM_SHADOW_NONE : VMM_SHADOW_STI;
    case LOADS_SS: {
        bool after_sti = v->count - v->event_count >= 2 && caster_at(v, v->recent[(v->count - 2) & (VMM_RECENT - 1)]) == STI;
        return inhibited || after_sti ? VMM_SHADOW_MOV_SS : VMM_SHADOW_NONE;
    }
    default:
        return VMM_SHADOW_NONE;
    }
}

uint64_t x86_count_mask(const vmm_vcpu *v, const x86_insn *insn)
{
    bool code64 = env_of(v)->hflags & HF_CS64, code32 = env_of(v)->hflags & HF_CS32;
    if (code64)
        return insn->address_size ? 0xffffffff : ~0ull;
    return code32 != insn->address_size ? 0xffffffff : 0xffff;
}

static bool is_repeated_string(vmm_vcpu *v, uint64_t pc, uint64_t *count_mask)
{
    x86_insn insn;
    if (!x86_decode(v, pc, &insn) || insn.map != 0 || !(insn.rep || insn.repne))
        return false;
    *count_mask = x86_count_mask(v, &insn);
    return (insn.opcode >= 0x6c && insn.opcode <= 0x6f) || (insn.opcode >= 0xa4 && insn.opcode <= 0xa7)
        || (insn.opcode >= 0xaa && insn.opcode <= 0xaf);
}

/* SDM 17.3.1.1: RF is set in the frame of what comes between two iterations. */
bool x86_between_iterations(vmm_vcpu *v)
{
    uint64_t mask, pc = vmm_x86_linear_pc(v);
    return v->count != v->event_count && vcpu_here(v) == pc && is_repeated_string(v, pc, &mask)
        && env_of(v)->regs[R_CX] & mask;
}

uint64_t x86_aftermath(vmm_vcpu *v)
{
    bool none = v->count == v->event_count;
    return (uint64_t)vmm_x86_shadow(v) | (none ? 0 : v->flags_before & (FL_TF | FL_RF)) | (uint64_t)x86_between_iterations(v) << 32;
}

/*
 * Unicorn comes back to a REP instruction once more to find the count 0; for the processor it had ended before, so this
 * is neither a boundary nor an instruction. What is at pc is looked at once, as long as it keeps coming back.
 */
static bool repeats_no_more(vmm_vcpu *v, uint64_t pc)
{
    vmm_x86 *x = x86_of(v);
    if (v->count == v->event_count)
        return false;
    if (x->rep_seen != v->count - 1 && !is_repeated_string(v, pc, &x->rep_mask))
        x->rep_mask = 0;
    bool over = x->rep_mask && !(env_of(v)->regs[R_CX] & x->rep_mask);
    x->rep_seen = over ? VMM_NEVER : v->count;
    return over;
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
    bool shadowed = shadow == VMM_SHADOW_MOV_SS || (shadow == VMM_SHADOW_STI && !x86_of(v)->nmi_in_sti_shadow);
    return v->pending & VMM_PEND_NMI && !(env_of(v)->hflags2 & HF2_NMI) && !shadowed;
}

static bool maskable_due(vmm_vcpu *v, int shadow)
{
    return v->pending & (VMM_PEND_INTR | VMM_PEND_INJECT) && env_of(v)->eflags & FL_IF && shadow == VMM_SHADOW_NONE;
}

static void deliver_trap(vmm_vcpu *v)
{
    x86_traps_taken(v);
    x86_event e = event_here(v, X86_DB, EVENT_EXCEPTION, VMM_SRC_EXCEPTION);
    e.fault = x86_between_iterations(v);
    x86_deliver(v, &e);
}

static void deliver_nmi(vmm_vcpu *v)
{
    v->pending &= ~(uint32_t)VMM_PEND_NMI;
    env_of(v)->hflags2 |= HF2_NMI;
    x86_event e = event_here(v, X86_NMI, EVENT_NMI, VMM_SRC_NMI);
    e.raised = v->nmi_raised;
    e.fault = x86_between_iterations(v);
    x86_deliver(v, &e);
    x86_note_masks(v);
}

static irq_request accept_maskable(vmm_vcpu *v)
{
    if (v->pending & VMM_PEND_INJECT) {
        v->pending &= ~(uint32_t)VMM_PEND_INJECT;
        return (irq_request){.vector = v->inject_vector, .source = VMM_SRC_SCRIPT, .raised = v->inject_raised};
    }
    if (unlikely(v->machine->lines_withdraw))
        lines_withdraw(v->machine);
    return intr_acknowledge(v);
}

static void deliver_maskable(vmm_vcpu *v)
{
    bool between = x86_between_iterations(v);
    irq_request a = accept_maskable(v);
    x86_event e = event_here(v, a.vector, EVENT_EXTERNAL, a.source);
    e.pin = a.pin;
    e.raised = a.raised;
    e.fault = between;
    x86_deliver(v, &e);
}

static void note_shadow(vmm_vcpu *v, int shadow)
{
    if (shadow && (trap_due(v, VMM_SHADOW_NONE) || nmi_due(v, VMM_SHADOW_NONE) || maskable_due(v, VMM_SHADOW_NONE)))
        trace_derived(v, VMM_EV_SHADOW, (uint32_t)shadow, 0);
}

/*
 * The ladder, each rung with its class in table 6-2. Of class 1 there is nothing here, nor of 2 by itself: a task's T flag
 * is one more bit of the #DB in class 4. Classes 7 to 10 are the next instruction's own faults and come again; interrupts
 * stay held.
 */
static bool take_event(vmm_vcpu *v)
{
    if (!(v->pending & EVENTS))
        return false;
    if (v->pending & VMM_PEND_INIT) { /* 3: external intervention, which happens outside Unicorn */
        vcpu_leave(v);
        return true;
    }
    bool nothing_can = !(v->pending & (VMM_PEND_DB | VMM_PEND_NMI)) && !(env_of(v)->eflags & FL_IF);
    if (nothing_can)
        return false;
    int shadow = vmm_x86_shadow(v);
    if (trap_due(v, shadow)) { /* 4: traps on the previous instruction */
        deliver_trap(v);
    } else if (nmi_due(v, shadow)) { /* 5 */
        deliver_nmi(v);
    } else if (maskable_due(v, shadow)) { /* 6 */
        deliver_maskable(v);
    } else {
        note_shadow(v, shadow);
        return false;
    }
    return true;
}

/* An instruction that runs natively begins at this boundary, or has ended before it. */
static bool native_begins(vmm_vcpu *v)
{
    if (!(v->pending & VMM_PEND_NATIVE))
        return false;
    if (x86_of(v)->native == VMM_NATIVE_BEGINS) {
        x86_of(v)->native = VMM_NATIVE_ENDS;
        return true;
    }
    x86_intercepts_restore(v);
    x86_of(v)->fpu_changed = 1; /* CR0, or the error that was pending */
    if (x86_of(v)->watch_changed)
        x86_watch_update(v);
    return false;
}

/* What ran natively has left the next instruction in a block like its own. */
static bool in_a_native_block(const vmm_vcpu *v)
{
    return v->pending & VMM_PEND_NATIVE && x86_of(v)->native == VMM_NATIVE_ENDS && env_of(v)->hflags & HF_NATIVE;
}

/* NMI blocking is no flag, but is kept with those that mask; its changes are looked at where they are made. */
enum { NMI_BLOCKED_BIT = 62 };

static uint64_t masks_now(const vmm_vcpu *v)
{
    uint64_t blocked = (env_of(v)->hflags2 & HF2_NMI) != 0;
    return env_of(v)->eflags | blocked << NMI_BLOCKED_BIT | EACH_INSTRUCTION;
}

void x86_note_masks(vmm_vcpu *v)
{
    if (!(v->watch & FL_IF)) /* nobody records */
        return;
    uint64_t before = v->masks, now = masks_now(v), changed = now ^ before;
    v->masks = now;
    if (changed & FL_IF)
        trace_derived(v, VMM_EV_CPU_MASK, !(now & FL_IF), !(before & FL_IF));
    if (changed >> NMI_BLOCKED_BIT & 1)
        trace_derived(v, VMM_EV_NMI_MASK, now >> NMI_BLOCKED_BIT & 1, before >> NMI_BLOCKED_BIT & 1);
}

void x86_watch_masks(vmm_vcpu *v)
{
    if (!(v->watch & FL_IF))
        v->masks = masks_now(v);
    v->watch = (trace_is_whole(v->machine) ? FL_IF : 0) | coverage_watch(v->machine);
}

bool x86_boundary(vmm_vcpu *v)
{
    bool go, leave = in_a_native_block(v);
    x86_note_masks(v);
    if (native_begins(v))
        return true;
    if (leave)
        return false;
    if (x86_of(v)->fpu_changed && x86_fpu_settle(v)) { /* translated code is for either state */
        v->attention_at = 0;
        return false;
    }
    x86_of(v)->watch_hit = 0;
    x86_returned(v);
    if (page_code_left(v))
        return false;
    bool transacting = x86_transacting(v);
    clock_expire(v->machine);
    if (transacting && !x86_transacting(v)) { /* a device has reached what it was at, and it goes on elsewhere */
        v->attention_at = 0;
        return false;
    }
    go = !must_stop(v) && keeps_turn(v) && !take_event(v) && !v->halted;
    if (v->pending & VMM_PEND_STOP)
        vcpu_leave(v);
    if (v->machine->fast) /* IF is looked at as each block begins */
        v->held = env_of(v)->eflags & FL_IF ? 0 : v->pending & (VMM_PEND_INTR | VMM_PEND_INJECT);
    vcpu_rearm(v);
    return go;
}

/* SDM vol. 2 HLT: what is delivered ends it, and nothing else. */
bool x86_wakes(vmm_vcpu *v)
{
    if (!(v->pending & EVENTS))
        return false;
    int shadow = vmm_x86_shadow(v);
    return v->pending & VMM_PEND_INIT || trap_due(v, shadow) || nmi_due(v, shadow) || maskable_due(v, shadow);
}

bool x86_can_wake(vmm_vcpu *v)
{
    bool nmi = !(env_of(v)->hflags2 & HF2_NMI);
    return env_of(v)->eflags & FL_IF || apic_can_interrupt_masked(v, nmi) || (nmi && stimuli_can_nmi(v));
}

/* Before the instruction at pc; the shadow is that of the one before it. */
static void cover(vmm_vcpu *v, uint64_t pc, uint64_t flags)
{
    uint8_t *began = coverage_of(v->machine->coverage, pc);
    if (*began & VMM_BEGAN_OPEN)
        return;
    bool open = flags & FL_IF && vmm_x86_shadow(v) == VMM_SHADOW_NONE;
    *began |= open ? VMM_BEGAN_OPEN : VMM_BEGAN_MASKED;
}

/*
 * RF lives for one instruction. Unicorn clears it at the end of a block that began with it, and with it one that an IRET there
 * has loaded: so what is left of the block is translated again.
 */
static __attribute__((noinline)) void forget_rf(vmm_vcpu *v)
{
    env_of(v)->eflags &= ~(uint64_t)FL_RF;
    if (!(v->pending & VMM_PEND_NATIVE)) /* whose way through the code hook is told apart by how often it was gone */
        x86_leave_translated_code(v);
}

static __attribute__((noinline)) void flags_want_care(vmm_vcpu *v, uint64_t pc, uint64_t flags)
{
    if (v->machine->coverage)
        cover(v, pc, flags);
    if (v->machine->began)
        v->machine->began(v->machine->began_by, v);
    x86_note_masks(v);
    if (flags & v->flags_before & FL_RF)
        forget_rf(v);
}

static inline uint64_t flags_looked_at(vmm_vcpu *v, uint64_t pc)
{
    uint64_t flags = env_of(v)->eflags;
    if (unlikely((flags & v->flags_before & FL_RF) | ((flags ^ v->masks) & v->watch)))
        flags_want_care(v, pc, flags);
    return flags;
}

static inline void begin(vmm_vcpu *v, uint64_t pc)
{
    x86_begin(v, pc, flags_looked_at(v, pc));
}

uint64_t x86_flags_looked_at(vmm_vcpu *v, uint64_t pc)
{
    return flags_looked_at(v, pc);
}

bool x86_look_closer(vmm_vcpu *v, uint64_t pc)
{
    if (unlikely(x86_task_switched(v)))
        x86_leave_translated_code(v);
    bool again = pc == vcpu_here(v);
    if (again && repeats_no_more(v, pc))
        return false;
    if (x86_return_undone(v))
        x86_leave_translated_code(v);
    if (may_be_awaited(v, pc))
        trigger_reached(v, pc);
    else if (again && x86_of(v)->rep_seen == v->count && x86_of(v)->rep_mask && v->count < v->attention_at)
        x86_iterate(v, pc);
    x86_returned(v);
    if (v->count < v->attention_at)
        return true;
    if (v->count != v->event_count && env_of(v)->eflags & v->flags_before & FL_RF)
        forget_rf(v);
    if (!x86_boundary(v))
        x86_leave_translated_code(v);
    return true;
}

/* Apart, so that the way of nearly all instructions calls nothing and saves no register. */
static __attribute__((noinline)) void look_closer(vmm_vcpu *v, uint64_t pc)
{
    if (x86_look_closer(v, pc))
        begin(v, pc);
}

static void on_code(void *engine, uint64_t pc, uint32_t size, void *user)
{
    (void)engine, (void)size;
    vmm_vcpu *v = user;
    if (unlikely(pc >> 32) && !(env_of(v)->hflags & HF_CS64))
        pc = (uint32_t)pc; /* EIP wraps at 4 GiB, in the middle of a block, too */
    if (unlikely(pc == v->recent[(v->count - 1) & (VMM_RECENT - 1)] || v->count >= v->attention_at || may_be_awaited(v, pc)))
        look_closer(v, pc);
    else
        begin(v, pc);
}

void x86_attach_boundary(vmm_vcpu *v)
{
    size_t hook;
    if (v->machine->fast) /* its blocks tell of themselves */
        return;
    uc.hook_add(v->uc, &hook, UC_HOOK_CODE, on_code, v, (uint64_t)1, (uint64_t)0);
}
