/* Registers of an ARM vCPU, kept consistent with what Unicorn derives from them; reset and power. */
#include <string.h>

#include "arm/alignment.h"
#include "arm/cycles.h"
#include "arm/fp.h"
#include "core/clock.h"
#include "core/schedule.h"
#include "unicorn/uc.h"

enum { CPSR_NZCV_SHIFT = 28, PSTATE_EL1H = 5, PSTATE_EL2H = 9, PSTATE_EL3H = 13 };

/* DDI0487 D1.20.1: where X0 to X14 and SP are while EL0 is in AArch32; NULL: where they always are. */
static uint32_t *in_aarch32(vmm_vcpu *v, int uc_register)
{
    enum { SHARED = 15, SP = 13 };
    arm_env *env = arm_env_of(v);
    if (!arm_of(v)->aarch64 || env->aarch64)
        return NULL;
    if (uc_register == UC_ARM64_REG_SP)
        return &env->regs[SP];
    int number = uc_register - UC_ARM64_REG_X0;
    return number >= 0 && number < SHARED ? &env->regs[number] : NULL;
}

uint64_t vmm_arm_get(vmm_vcpu *v, int uc_register)
{
    uint64_t value = 0;
    const uint32_t *shared = in_aarch32(v, uc_register);
    if (shared)
        return *shared;
    uc.reg_read(v->uc, uc_register, &value);
    return value;
}

void vmm_arm_set(vmm_vcpu *v, int uc_register, uint64_t value)
{
    uint32_t *shared = in_aarch32(v, uc_register);
    if (shared)
        *shared = (uint32_t)value;
    else
    uc.reg_write(v->uc, uc_register, &value);
    arm_calls_of(v)->arm_rebuild_hflags(v->env);
}

static int vector_register(vmm_vcpu *v, uint32_t number)
{
    enum { VECTORS = 32 };
    int first = arm_of(v)->aarch64 ? UC_ARM64_REG_V0 : UC_ARM_REG_D0;
    return number < VECTORS ? first + (int)number : 0;
}

int vmm_arm_vector_get(vmm_vcpu *v, uint32_t number, uint8_t bytes[16])
{
    int uc_register = vector_register(v, number);
    return uc_register && !uc.reg_read(v->uc, uc_register, bytes) ? 0 : -1;
}

int vmm_arm_vector_set(vmm_vcpu *v, uint32_t number, const uint8_t bytes[16])
{
    int uc_register = vector_register(v, number);
    return uc_register && !uc.reg_write(v->uc, uc_register, bytes) ? 0 : -1;
}

uint64_t vmm_arm_pc(vmm_vcpu *v)
{
    return arm_pc(v);
}

void vmm_arm_set_pc(vmm_vcpu *v, uint64_t pc)
{
    arm_env *env = arm_env_of(v);
    if (env->aarch64) {
        env->pc = pc;
        return;
    }
    env->thumb = pc & 1;
    env->condexec_bits = 0;
    env->regs[15] = (uint32_t)pc & (env->thumb ? ~1u : ~3u);
    arm_calls_of(v)->arm_rebuild_hflags(env);
}

/* As an SPSR would show it. */
uint32_t vmm_arm_pstate(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    if (!env->aarch64) {
        env->condexec_bits = vmm_arm_it(v);
        return arm_calls_of(v)->cpsr_read(env);
    }
    uint32_t nzcv = (env->nf >> 31) << 3 | (env->zf == 0) << 2 | (env->cf & 1) << 1 | env->vf >> 31;
    return nzcv << CPSR_NZCV_SHIFT | (uint32_t)env->daif | env->pstate | env->btype << 10;
}

/* The stack pointer goes with the exception level, the registers with the mode. */
void vmm_arm_set_pstate(vmm_vcpu *v, uint32_t value)
{
    enum { ALL_BUT_MODE_SWITCH_CHECKS = 4, BTYPE = 3 << 10 };
    arm_env *env = arm_env_of(v);
    arm_cycles_settle(v);
    if (env->aarch64) {
        env->sp_el[env->pstate & PSTATE_SP ? vmm_arm_el(v) : 0] = env->xregs[31];
        env->nf = value;
        env->zf = ~value & 1u << 30;
        env->cf = value >> 29 & 1;
        env->vf = value << 3 & 1u << 31;
        env->daif = value & PSTATE_DAIF;
        env->btype = value >> 10 & 3;
        env->pstate = value & ~(0xfu << CPSR_NZCV_SHIFT | PSTATE_DAIF | BTYPE | PSTATE_NRW);
        env->xregs[31] = env->sp_el[env->pstate & PSTATE_SP ? vmm_arm_el(v) : 0];
    } else {
        arm_calls_of(v)->cpsr_write(env, value, 0xffffffff, ALL_BUT_MODE_SWITCH_CHECKS);
    }
    arm_calls_of(v)->arm_rebuild_hflags(env);
    arm_cycles_resume(v);
}

uint32_t vmm_arm_el(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    if (env->aarch64)
        return env->pstate >> 2 & 3;
    return (env->uncached_cpsr & CPSR_M) == MODE_USR ? 0 : 1;
}

/* DDI0487 D1.9.1: everything masked, the highest exception level there is; ARMv7: Supervisor mode. */
void arm_reset(vmm_vcpu *v)
{
    memcpy(v->env, arm_of(v)->reset, (size_t)((char *)arm_tail_of(v) - (char *)v->env));
    arm_env *env = arm_env_of(v);
    if (arm_of(v)->aarch64)
        env->pstate = arm_of(v)->has_el3 ? PSTATE_EL3H : arm_of(v)->has_el2 ? PSTATE_EL2H : PSTATE_EL1H;
    env->daif = PSTATE_DAIF;
    arm_calls_of(v)->arm_rebuild_hflags(env);
    v->halted = 0;
    arm_alignment_changed(v);
    v->flush_tlb = 1;
    v->event_count = v->count;
    arm_cycles_reset(v);
    arm_simd_update(v);
}

void vmm_arm_start(vmm_vcpu *v, uint64_t entry, uint64_t argument)
{
    arm_reset(v);
    arm_timers_reset(v);
    arm_cortex_reset(v);
    vmm_arm_set_pc(v, entry);
    if (arm_of(v)->aarch64)
        arm_env_of(v)->xregs[0] = argument;
    else
        arm_env_of(v)->regs[0] = (uint32_t)argument;
    v->off = 0;
    vcpu_rearm(v);
}

void vmm_arm_wait(vmm_vcpu *v)
{
    v->halted = 1;
    turn_give_up(v);
}

void vmm_arm_off(vmm_vcpu *v)
{
    v->off = 1;
    turn_give_up(v);
}

int vmm_arm_system_get(vmm_vcpu *v, uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t *value)
{
    if (arm_of(v)->aarch64) {
        uc_arm64_register reg = {crn, crm, op0, op1, op2, 0};
        int error = uc.reg_read(v->uc, UC_ARM64_REG_CP_REG, &reg);
        *value = reg.value;
        return error ? -1 : 0;
    }
    uc_arm_register reg = {.cp = 15, .crn = crn, .crm = crm, .opc1 = op1, .opc2 = op2};
    int error = uc.reg_read(v->uc, UC_ARM_REG_CP_REG, &reg);
    *value = (uint32_t)reg.value;
    return error ? -1 : 0;
}

int vmm_arm_system_set(vmm_vcpu *v, uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t value)
{
    int error;
    if (arm_of(v)->aarch64) {
        uc_arm64_register reg = {crn, crm, op0, op1, op2, value};
        error = uc.reg_write(v->uc, UC_ARM64_REG_CP_REG, &reg);
    } else {
        uc_arm_register reg = {.cp = 15, .crn = crn, .crm = crm, .opc1 = op1, .opc2 = op2, .value = value};
        error = uc.reg_write(v->uc, UC_ARM_REG_CP_REG, &reg);
    }
    arm_calls_of(v)->arm_rebuild_hflags(v->env);
    arm_alignment_changed(v);
    v->flush_tlb = 1;
    return error ? -1 : 0;
}
