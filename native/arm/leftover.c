/*
 * ELR_EL1 and SPSR_EL1, which keep what the last exception wrote until the next one does. Where nobody reads them before
 * that, two machines that differ in nothing else go on in the same way. What reads them: ERET at EL1, even an illegal one,
 * and MRS; what writes them: an exception taken to EL1, and MSR (DDI0487 C5.2.18, C5.2.6, D1.10.1).
 *
 * With EL2 and EL3 there are more ways to them: other names, and an AArch32 EL1 whose SPSR_svc shares SPSR_EL1's place.
 */
#include "arm/arm.h"
#include "unicorn/uc.h"

enum { SPSR = 0, ELR = 1 /* op2 of either: op0 3, op1 0, CRn 4, CRm 0 */, KEPT = 2 };
enum { SPSR_EL1 = 1 /* where Unicorn keeps it */ };

static bool has_leftover(const vmm_vcpu *v)
{
    const vmm_arm *arm = arm_of(v);
    return arm->aarch64 && !arm->has_el2 && !arm->has_el3;
}

static void accessed(vmm_vcpu *v, uint32_t number, bool write)
{
    const vmm_machine *m = v->machine;
    m->register_accessed(m->accessed_by, v->index, number, write);
}

void arm_leftover_accessed(vmm_vcpu *v, bool write)
{
    if (!v->machine->register_accessed || !has_leftover(v))
        return;
    for (uint32_t number = 0; number < KEPT; number++)
        accessed(v, number, write);
}

uint64_t arm_leftover(vmm_vcpu *v, const void *saved)
{
    const arm_env *now = arm_env_of(v), *then = saved;
    if (!arm_of(v)->aarch64)
        return arm32_leftover(v, then);
    if (!has_leftover(v))
        return 0;
    return (uint64_t)(now->banked_spsr[SPSR_EL1] != then->banked_spsr[SPSR_EL1]) << SPSR
         | (uint64_t)(now->elr_el[1] != then->elr_el[1]) << ELR;
}

void arm_leave_leftover_out(const vmm_vcpu *v, arm_env *then)
{
    const arm_env *now = arm_env_of(v);
    if (!arm_of(v)->aarch64)
        arm32_leave_leftover_out(v, then);
    if (!has_leftover(v))
        return;
    then->banked_spsr[SPSR_EL1] = now->banked_spsr[SPSR_EL1];
    then->elr_el[1] = now->elr_el[1];
}

/* They are told before permission is looked at: what EL0 tries is taken as a read, and writes nothing. */
static uint32_t on_access(vmm_vcpu *v, const uc_arm64_register *which, bool write)
{
    bool ours = which->op0 == 3 && which->op1 == 0 && which->crn == 4 && which->crm == 0 && which->op2 < KEPT;
    if (ours && v->machine->register_accessed)
        accessed(v, which->op2, write && vmm_arm_el(v) == 1);
    return 0; /* Unicorn makes it */
}

static uint32_t on_mrs(void *engine, int reg, const uc_arm64_register *which, void *user)
{
    (void)engine, (void)reg;
    return on_access(user, which, false);
}

static uint32_t on_msr(void *engine, int reg, const uc_arm64_register *which, void *user)
{
    (void)engine, (void)reg;
    return on_access(user, which, true);
}

int arm_watch_leftover(vmm_vcpu *v, bool on)
{
    static const struct {
        void *callback;
        int instruction;
    } HOOKS[KEPT] = {{(void *)on_mrs, UC_ARM64_INS_MRS}, {(void *)on_msr, UC_ARM64_INS_MSR}};
    vmm_arm *arm = arm_of(v);
    for (unsigned i = 0; i < KEPT; i++) {
        if (!on && arm->leftover_hook[i])
            uc.hook_del(v->uc, arm->leftover_hook[i]);
        arm->leftover_hook[i] = 0;
        if (on && has_leftover(v)
            && uc.hook_add(v->uc, &arm->leftover_hook[i], UC_HOOK_INSN, HOOKS[i].callback, v, (uint64_t)1, (uint64_t)0,
                           HOOKS[i].instruction))
            return -1;
    }
    return 0;
}
