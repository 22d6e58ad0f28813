/* Exception entry to AArch32 modes of an ARMv7-A processor (DDI0406 B1.8.3 to B1.9). */
#include "arm/arm.h"

enum { SCTLR_V = 1 << 13, SCTLR_EE = 1 << 25, SCTLR_TE = 1 << 30, HIGH_VECTORS = 0xffff0000, VECTOR_TABLE = 0x1f };
enum { CPSR_WRITE_BY_EXCEPTION = 4 /* switches register banks, checks nothing */ };

typedef struct {
    uint8_t mode;
    uint16_t masks;
    uint8_t from_arm;   /* LR is the address of the instruction plus this */
    uint8_t from_thumb;
} entry;

/* Unicorn's PC is behind SVC and at the instruction for all else. */
static const entry *entry_of(arm32_vector vector)
{
    static const entry entries[] = {
        [VECTOR_UNDEFINED / 4] = {MODE_UND, PSTATE_I, 4, 2},
        [VECTOR_SVC / 4] = {MODE_SVC, PSTATE_I, 0, 0},
        [VECTOR_PREFETCH / 4] = {MODE_ABT, PSTATE_A | PSTATE_I, 4, 4},
        [VECTOR_DATA / 4] = {MODE_ABT, PSTATE_A | PSTATE_I, 8, 8},
        [VECTOR_IRQ / 4] = {MODE_IRQ, PSTATE_A | PSTATE_I, 4, 4},
        [VECTOR_FIQ / 4] = {MODE_FIQ, PSTATE_A | PSTATE_I | PSTATE_F, 4, 4},
    };
    return &entries[vector / 4];
}

static void note_abort(arm_env *env, const arm_event *e)
{
    if (e->vector32 == VECTOR_PREFETCH) {
        env->cp15.ifsr[0] = e->fsr;
        if (e->has_far)
            env->cp15.far_el[1] = (env->cp15.far_el[1] & 0xffffffff) | e->far << 32;
    } else if (e->vector32 == VECTOR_DATA) {
        env->cp15.esr_el[1] = e->fsr;
        if (e->has_far)
            env->cp15.far_el[1] = (env->cp15.far_el[1] & ~0xffffffffull) | (uint32_t)e->far;
    }
}

void arm32_enter(vmm_vcpu *v, const arm_event *e, vmm_event *record)
{
    arm_env *env = arm_env_of(v);
    const arm_calls *calls = arm_calls_of(v);
    const entry *to = entry_of(e->vector32);
    uint32_t from = vmm_arm_el(v), saved = vmm_arm_pstate(v), sctlr = (uint32_t)env->cp15.sctlr_el[1];
    uint32_t lr = env->regs[15] + (env->thumb ? to->from_thumb : to->from_arm);
    note_abort(env, e);
    arm32_mode_changes(v, to->mode, true);
    calls->cpsr_write(env, to->mode, CPSR_M, CPSR_WRITE_BY_EXCEPTION);
    env->spsr = saved;
    env->regs[14] = lr;
    env->condexec_bits = 0;
    env->uncached_cpsr &= ~(uint32_t)(CPSR_E | CPSR_J | PSTATE_IL);
    env->uncached_cpsr |= sctlr & SCTLR_EE ? CPSR_E : 0;
    env->daif |= to->masks;
    env->thumb = (sctlr & SCTLR_TE) != 0;
    uint32_t base = sctlr & SCTLR_V ? HIGH_VECTORS : (uint32_t)env->cp15.vbar_el[1] & ~VECTOR_TABLE;
    env->regs[15] = base + (uint32_t)e->vector32;
    *record = (vmm_event){.pc = lr, .sp = env->regs[13], .flags = saved, .cpl = (uint8_t)from, .target_el = 1,
                          .vector_offset = (uint16_t)e->vector32};
}
