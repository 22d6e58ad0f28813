/*
 * The instruction boundary of an ARM vCPU: SError, FIQ and IRQ, in that order, each where PSTATE and the routing of its
 * kind admit it (DDI0487 D1.13; the order among them is IMPLEMENTATION DEFINED, and this is what processors do).
 *
 * Unicorn calls a code hook before every instruction. What is delivered there changes the state as a whole, so the hook
 * does not return into translated code but leaves it.
 */
#include <string.h>

#include "arm/alignment.h"
#include "arm/cycles.h"
#include "arm/hypervisor.h"
#include "core/boundary.h"
#include "core/clock.h"
#include "core/coverage.h"
#include "core/pages.h"
#include "core/trigger.h"
#include "intc/gic/gic.h"
#include "unicorn/uc.h"

typedef struct {
    uint32_t pending; /* enum vmm_pending */
    uint16_t mask;    /* PSTATE bit */
    uint8_t scr;      /* SCR_EL3 bit that routes it to EL3 */
    uint8_t hcr;      /* HCR_EL2 bit that routes it to EL2 */
} input;

enum { THUMB = 2 }; /* bytes of the shortest instruction */

static const input INPUTS[] = {
    [ARM_IRQ] = {VMM_PEND_INTR | VMM_PEND_INJECT, PSTATE_I, 1 << 1, 1 << 4},
    [ARM_FIQ] = {VMM_PEND_FIQ, PSTATE_F, 1 << 2, 1 << 3},
    [ARM_SERROR] = {VMM_PEND_SERROR, PSTATE_A, 1 << 3, 1 << 5},
};

/* DDI0487 table D1-13. */
static uint32_t route(const vmm_vcpu *v, const input *in)
{
    const arm_env *env = arm_env_of(v);
    if (arm_of(v)->has_el3 && env->cp15.scr_el3 & in->scr)
        return 3;
    if (arm_hcr(v) & in->hcr)
        return 2;
    return 1;
}

/* DDI0487 D1.13.4: never to a lower level; one to EL2 or EL3 from below cannot be masked. */
static bool admits(vmm_vcpu *v, arm_kind kind, uint32_t *target)
{
    const input *in = &INPUTS[kind];
    uint32_t now = vmm_arm_el(v);
    *target = route(v, in);
    if (*target < now)
        return false;
    bool host = *target == 2 && arm_in_host(v); /* whose own EL0 this is */
    return (*target > now && *target != 1 && !host) || !(arm_env_of(v)->daif & in->mask);
}

static bool due(vmm_vcpu *v, arm_kind kind, uint32_t *target)
{
    return v->pending & INPUTS[kind].pending && admits(v, kind, target);
}

static void deliver_interrupt(vmm_vcpu *v, arm_kind kind, uint32_t target)
{
    bool scripted = kind == ARM_IRQ && v->pending & VMM_PEND_INJECT;
    irq_request a = {.vector = v->inject_vector, .source = VMM_SRC_SCRIPT, .raised = v->inject_raised};
    if (scripted)
        v->pending &= ~(uint32_t)VMM_PEND_INJECT;
    else
        a = gic_taken(v->machine, v->index, kind == ARM_FIQ);
    arm_event e = {.kind = kind, .vector32 = kind == ARM_FIQ ? VECTOR_FIQ : VECTOR_IRQ, .source = a.source, .pin = a.pin,
                   .target = target, .number = a.vector, .raised = a.raised};
    arm_deliver(v, &e);
}

static void deliver_serror(vmm_vcpu *v, uint32_t target)
{
    enum { ASYNCHRONOUS_EXTERNAL_ABORT = 0x406 /* DFSR, DDI0406 B3.13.3: FS 0b10110 */ };
    v->pending &= ~(uint32_t)VMM_PEND_SERROR;
    arm_event e = {.kind = ARM_SERROR, .vector32 = VECTOR_DATA, .source = VMM_SRC_SERROR, .target = target,
                   .number = EC_SERROR, .syndrome = SYNDROME(EC_SERROR, (uint32_t)arm_of(v)->serror & 0x1ffffff),
                   .fsr = ASYNCHRONOUS_EXTERNAL_ABORT, .raised = arm_of(v)->serror_raised};
    arm_deliver(v, &e);
}

/* Asynchronous exceptions have no numbers (D1.13.4): this is the order that the file's head tells. */
static bool take_event(vmm_vcpu *v)
{
    uint32_t target;
    if (due(v, ARM_SERROR, &target))
        deliver_serror(v, target);
    else if (due(v, ARM_FIQ, &target))
        deliver_interrupt(v, ARM_FIQ, target);
    else if (due(v, ARM_IRQ, &target))
        deliver_interrupt(v, ARM_IRQ, target);
    else
        return false;
    return true;
}

/*
 * What Unicorn would execute although A64 does not: an instruction at an address that is not a multiple of 4, the one after
 * an ERET to a state that does not exist, which leaves PSTATE.IL (DDI0487 D1.11.5, D1.11.4), and one that uses an SP that is
 * not aligned (D1.8.2). Among synchronous exceptions the first two are priorities 2 and 5, the third comes with the access
 * (D1.12); 1, software step, 3 and 4, the fetch and breakpoints, are Unicorn's. So where the fetch fails, only the first
 * counts.
 */
static bool take_unexecutable(vmm_vcpu *v, bool fetched)
{
    arm_env *env = arm_env_of(v);
    bool unaligned = env->pc & 3, illegal = fetched && env->pstate & PSTATE_IL;
    if (!env->aarch64 || !(unaligned || illegal || (fetched && arm_sp_unaligned(v))))
        return false;
    uint32_t now = vmm_arm_el(v), class = unaligned ? EC_PC_ALIGNMENT : illegal ? EC_ILLEGAL_STATE : EC_SP_ALIGNMENT;
    bool to_el2 = now == 0 && arm_hcr(v) & HCR_TGE;
    arm_event e = {.kind = ARM_SYNC, .source = VMM_SRC_EXCEPTION, .target = now ? now : to_el2 ? 2 : 1, .number = class,
                   .syndrome = SYNDROME(class, 0), .has_far = unaligned, .far = unaligned ? env->pc : 0};
    vcpu_begin(v, env->pc);
    arm_deliver(v, &e);
    return true;
}

bool arm_wakes(vmm_vcpu *v)
{
    return v->pending & (VMM_PEND_INTR | VMM_PEND_FIQ | VMM_PEND_SERROR | VMM_PEND_INJECT);
}

/* DDI0487 D1.16.2: masked or not, what is pending ends WFI. */
bool arm_can_wake(vmm_vcpu *v)
{
    (void)v;
    return true;
}

static bool boundary(vmm_vcpu *v, bool fetched)
{
    if (may_be_awaited(v, arm_pc(v)))
        trigger_reached(v, arm_pc(v));
    arm_tell_gic(v);
    if (page_code_left(v))
        return false;
    arm_note_masks(v);
    clock_expire(v->machine);
    if (arm_is_a64(v) && arm_env_of(v)->pstate & PSTATE_IL) /* an illegal return, of which Unicorn does not tell */
        arm_leftover_accessed(v, false);
    bool go = !must_stop(v) && keeps_turn(v);
    if (go) {
        v->halted = 0;
        if (arm_of(v)->cycles.parked)
            arm_cycles_resume(v);
        go = !take_event(v) && !take_unexecutable(v, fetched) && !arm_step_begins(v);
    }
    if (v->pending & VMM_PEND_STOP)
        vcpu_leave(v);
    arm_hold_masked(v);
    vcpu_rearm(v);
    return go;
}

bool arm_boundary(vmm_vcpu *v)
{
    return boundary(v, true);
}

/* It comes before the code hook, so its boundary is still to be run, and the attempt counts. */
bool arm_fetch_attempt(vmm_vcpu *v)
{
    bool unaligned = arm_is_a64(v) && arm_pc(v) & 3;
    block_over(v);
    if ((arm_wants_a_look(v) || may_be_awaited(v, arm_pc(v)) || unaligned) && !boundary(v, false))
        return false;
    vcpu_begin(v, arm_pc(v));
    return true;
}

/* Where it does not go on, what Unicorn keeps of an IT block in its head must be in the state. */
static bool run_boundary(vmm_vcpu *v)
{
    bool go = arm_boundary(v);
    if (!go && !arm_is_a64(v))
        arm_env_of(v)->condexec_bits = vmm_arm_it(v);
    return go;
}

static void look(vmm_vcpu *v)
{
    v->in_code_hook = 1;
    bool go = arm_boundaries_skipped(v) && run_boundary(v);
    v->in_code_hook = 0;
    if (!go)
        arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
}

void arm_cover(vmm_vcpu *v, uint64_t pc)
{
    uint32_t target;
    if (v->machine->began)
        v->machine->began(v->machine->began_by, v);
    if (!v->machine->coverage)
        return;
    uint8_t *began = coverage_of(v->machine->coverage, pc);
    if (!(*began & VMM_BEGAN_OPEN))
        *began |= admits(v, ARM_IRQ, &target) ? VMM_BEGAN_OPEN : VMM_BEGAN_MASKED;
}

/* The highest is that of a hook that translated code calls itself. */
static inline void note_frame(vmm_vcpu *v, const void *frame)
{
    uint64_t address = (uint64_t)(uintptr_t)frame;
    if (unlikely(address > arm_of(v)->hook_frame))
        arm_of(v)->hook_frame = address;
}

/* All that asks for a look, in one test, for this runs before every instruction. PSTATE and `aarch64` are neighbours. */
static inline bool asks_for_a_look(const vmm_vcpu *v, uint64_t pc)
{
    const uint64_t a64 = 1ull << 32;
    const arm_env *env = arm_env_of(v);
    uint64_t state;
    memcpy(&state, &env->pstate, sizeof state);
    uint64_t odd = ((env->daif ^ v->masks) & v->watch) | ((state ^ a64) & (a64 | PSTATE_IL)) | (pc & 3) | (env->xregs[31] & 15);
    uint64_t awaited = v->reach[reach_word(pc)] & reach_bit(pc);
    return (v->count >= v->attention_at) | ((odd | awaited) != 0);
}

static bool any_awaited(const vmm_vcpu *v, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; to - from <= VMM_SKIPPED && at < to; at += THUMB)
        if (may_be_awaited(v, at))
            return true;
    return false;
}

/* What an IT block skips never comes here: it lies behind the last instruction, however long that is, or the return. */
static bool may_have_skipped(const vmm_vcpu *v, uint64_t pc)
{
    uint64_t returned = arm_of(v)->returned ^ v->count << 32;
    bool behind_it = !(returned >> 32) && any_awaited(v, returned, pc);
    return any_awaited(v, v->recent[(v->count - 1) & (VMM_RECENT - 1)] + THUMB, pc) || behind_it;
}

static __attribute__((noinline)) void look32(vmm_vcpu *v, uint64_t pc)
{
    bool skipped = arm_env_of(v)->thumb && may_have_skipped(v, pc);
    if (!arm_wants_a_look(v) && !may_be_awaited(v, pc) && !skipped)
        return;
    look(v);
    arm_cover(v, pc);
}

static void on_code32(void *engine, uint64_t pc, uint32_t size, void *user)
{
    (void)engine, (void)size;
    vmm_vcpu *v = user;
    note_frame(v, __builtin_frame_address(0));
    if (unlikely(arm_wants_a_look(v) || may_have_been_awaited(v, pc)))
        look32(v, pc);
    vcpu_begin(v, pc);
}

/* Apart, and called last: so the hook itself needs no frame, and this one's is where the hook's would be. */
static __attribute__((noinline)) void look_and_begin(vmm_vcpu *v, uint64_t pc)
{
    if (!arm_is_a64(v))
        note_frame(v, __builtin_frame_address(0));
    look(v);
    arm_cover(v, pc);
    vcpu_begin(v, pc);
}

static void on_code64(void *engine, uint64_t pc, uint32_t size, void *user)
{
    (void)engine, (void)size;
    vmm_vcpu *v = user;
    if (unlikely(asks_for_a_look(v, pc)))
        look_and_begin(v, pc);
    else
        vcpu_begin(v, pc);
}

void arm_attach_boundary(vmm_vcpu *v)
{
    size_t hook;
    if (v->machine->fast) /* its blocks tell of themselves */
        return;
    void *on_code = arm_of(v)->aarch64 ? (void *)on_code64 : (void *)on_code32;
    uc.hook_add(v->uc, &hook, UC_HOOK_CODE, on_code, v, (uint64_t)1, (uint64_t)0);
}

void vmm_arm_serror(vmm_vcpu *v, uint32_t iss)
{
    arm_of(v)->serror = iss;
    arm_of(v)->serror_raised = machine_insns(v->machine);
    v->pending |= VMM_PEND_SERROR;
    vcpu_rearm(v);
}

uint64_t arm_aftermath(vmm_vcpu *v)
{
    return vmm_arm_it(v);
}
