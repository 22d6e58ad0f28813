/* Registers that say which vCPU this is and what it can do, and those whose own answers would depend on the host. */
#include "arm/hypervisor.h"
#include "arm/sysreg.h"
#include "core/random.h"

enum { Z_CLEAR = 1 };

/* DDI0487 D13.2.102: EL2 says what the levels below it read. */
static uint64_t read_mpidr(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    bool told = vmm_arm_el(v) < 2 && arm_el2_enabled(v);
    return told ? arm_env_of(v)->cp15.vmpidr_el2 : arm_of(v)->mpidr;
}

static uint64_t read_features(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_of(v)->pfr;
}

/* DDI0487 D13.2.66: what is pending at this level, masked or not; in the places of PSTATE's masks. */
static uint64_t read_pending(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return (v->pending & VMM_PEND_SERROR ? PSTATE_A : 0u) | (v->pending & VMM_PEND_INTR ? PSTATE_I : 0u)
         | (v->pending & VMM_PEND_FIQ ? PSTATE_F : 0u);
}

/* DDI0487 K12.2: a random number, and Z clear for success; here from the machine's seed. */
static uint64_t read_random(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    arm_env *env = arm_env_of(v);
    env->nf = env->cf = env->vf = 0;
    env->zf = Z_CLEAR;
    return draw(&v->machine->dice);
}

static const arm_register A64[] = {
    {"MPIDR_EL1", 3, 0, 0, 0, 5, false, R1, 0, read_mpidr, NULL, NULL, 0},
    {"ID_AA64PFR0_EL1", 3, 0, 0, 4, 0, false, R1, 0, read_features, NULL, NULL, TID3},
    {"ISR_EL1", 3, 0, 12, 1, 0, false, R1, 0, read_pending, NULL, NULL, 0},
    {"RNDR", 3, 3, 2, 4, 0, false, R0, 0, read_random, NULL, NULL, 0},
    {"RNDRRS", 3, 3, 2, 4, 1, false, R0, 0, read_random, NULL, NULL, 0},
};

static const arm_register A32[] = {
    {"MPIDR", 0, 0, 0, 0, 5, false, R1, 0, read_mpidr, NULL, NULL, 0},
    {"ID_PFR1", 0, 0, 0, 1, 1, false, R1, 0, read_features, NULL, NULL, TID3},
    {"ISR", 0, 0, 12, 1, 0, false, R1, 0, read_pending, NULL, NULL, 0},
};

arm_registers arm_identity_registers(const vmm_vcpu *v)
{
    if (!arm_of(v)->aarch64)
        return ARM_TABLE(A32);
    arm_registers table = ARM_TABLE(A64);
    if (!arm_of(v)->has_random)
        table.count -= 2;
    return table;
}
