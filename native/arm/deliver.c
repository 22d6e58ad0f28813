/* Exception entry to AArch64 (DDI0487 D1.10) and the record of every entry; AArch32's own is in deliver32.c. */
#include "arm/arm.h"
#include "arm/cycles.h"
#include "arm/hypervisor.h"
#include "core/clock.h"
#include "core/compare.h"
#include "core/nest.h"
#include "core/trace.h"

enum { FROM_LOWER_A64 = 0x400, FROM_LOWER_A32 = 0x600, FROM_SP_ELX = 0x200, EACH_KIND = 0x80, VECTOR_TABLE = 0x7ff };
enum { SCTLR_SPAN = 1 << 23 };

static const uint8_t SPSR_BANK[4] = {[1] = 1, [2] = 6, [3] = 7}; /* where Unicorn keeps SPSR_ELx */

/* DDI0487 D1.10.2: which group of the table, by where the exception comes from. */
static uint32_t vector_offset(const arm_env *env, uint32_t from, const arm_event *e)
{
    uint32_t group = 0;
    if (from < e->target)
        group = env->aarch64 ? FROM_LOWER_A64 : FROM_LOWER_A32;
    else if (env->pstate & PSTATE_SP)
        group = FROM_SP_ELX;
    return group + EACH_KIND * (uint32_t)e->kind;
}

uint64_t arm_spsr64(vmm_vcpu *v)
{
    return arm_env_of(v)->banked_spsr[SPSR_BANK[vmm_arm_el(v) & 3]];
}

static void save_sp(arm_env *env, uint32_t from)
{
    env->sp_el[env->pstate & PSTATE_SP ? from : 0] = env->xregs[31];
}

static void enter64(vmm_vcpu *v, const arm_event *e, vmm_event *record)
{
    arm_env *env = arm_env_of(v);
    uint32_t from = vmm_arm_el(v), saved = vmm_arm_pstate(v), target = e->target & 3;
    uint32_t offset = vector_offset(env, from, e);
    uint64_t return_address = arm_pc(v);
    if (env->aarch64) {
        save_sp(env, from);
    } else {
        arm_calls_of(v)->aarch64_sync_32_to_64(env);
        env->condexec_bits = 0;
    }
    if (target == 1)
        arm_leftover_accessed(v, true);
    env->elr_el[target] = return_address;
    env->banked_spsr[SPSR_BANK[target]] = saved;
    if (e->kind == ARM_SYNC || e->kind == ARM_SERROR)
        env->cp15.esr_el[target] = e->syndrome;
    if (e->has_far)
        env->cp15.far_el[target] = e->far;
    uint32_t pan = saved & PSTATE_PAN;
    bool kernel = target == 1 || (target == 2 && arm_e2h(v) && arm_hcr(v) & HCR_TGE);
    if (arm_of(v)->has_pan && kernel && !(env->cp15.sctlr_el[target] & SCTLR_SPAN))
        pan = PSTATE_PAN;
    env->pstate = pan | target << 2 | PSTATE_SP;
    env->daif = PSTATE_DAIF;
    env->btype = 0;
    env->aarch64 = 1;
    env->xregs[31] = env->sp_el[target];
    if (unlikely(compares(v)))
        compare_pushed(v, &(vmm_frame){.at = env->xregs[31]});
    env->pc = (env->cp15.vbar_el[target] & ~(uint64_t)VECTOR_TABLE) + offset;
    *record = (vmm_event){.pc = return_address, .sp = env->xregs[31], .flags = saved, .cpl = (uint8_t)from,
                          .target_el = (uint8_t)target, .vector_offset = (uint16_t)offset};
}

/* An illegal return (DDI0487 D1.11.3) calls nobody; it is known by the exception that it raises at once. */
static void compare(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    if (env->aarch64 && env->pstate & PSTATE_IL)
        compare_leads(v, v->recent[(v->count - 1 - (vcpu_here(v) == env->pc)) & (VMM_RECENT - 1)], env->xregs[31], env->elr_el[vmm_arm_el(v)], arm_spsr64(v));
    compare_interrupted(v);
}

static bool waited(const arm_event *e)
{
    return e->source != VMM_SRC_EXCEPTION && e->source != VMM_SRC_SOFTWARE;
}

void arm_deliver(vmm_vcpu *v, const arm_event *e)
{
    vmm_machine *m = v->machine;
    vmm_event record;
    const vmm_handler handler = arm_interrupted(v, e);
    if (unlikely(compares(v)))
        compare(v);
    arm_cycles_settle(v);
    if (arm_of(v)->aarch64)
        enter64(v, e, &record);
    else
        arm32_enter(v, e, &record);
    arm_calls_of(v)->arm_rebuild_hflags(v->env);
    v->event_count = v->count;
    v->halted = 0;
    arm_cycles_resume(v);

    uint64_t latency = waited(e) ? machine_insns(m) - e->raised : 0;
    record.kind = VMM_EV_DELIVERED;
    record.number = e->number;
    record.source = e->source;
    record.source_pin = e->pin;
    record.has_error = e->kind == ARM_SYNC || e->kind == ARM_SERROR;
    record.error = record.has_error ? e->syndrome : 0;
    record.value = waited(e) ? latency : e->far;
    record.code = arm_pc(v);
    nest_enter(v, &handler);
    trace_emit(v, &record);
    stat_delivered(v, e->number, e->source, e->pin, latency);
}
