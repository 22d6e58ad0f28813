/* The cycle counter of the performance monitors. */
#ifndef VMM_CYCLES_H
#define VMM_CYCLES_H

#include "arm/arm.h"

enum arm_cycles_field { CONTROL, ENABLED, OVERFLOWED, USER, SELECTED, INTERRUPTS }; /* Unicorn's order of the registers */
enum { PMCR_E = 1, PMCR_C = 4, PMCR_D = 8, PMCR_X = 16, PMCR_DP = 32, PMCR_LC = 64 };

#define CYCLES (1ull << 31) /* the counter's bit in every set */
#define FILTER_P (1u << 31) /* of PMCCFILTR */
#define FILTER_U (1u << 30)
#define FILTER_NSK (1u << 29)
#define FILTER_NSU (1u << 28)
#define FILTER_NSH (1u << 27)
#define FILTER_M (1u << 26)

static inline uint64_t *cycles_field(vmm_vcpu *v, enum arm_cycles_field which)
{
    return &arm_env_of(v)->cp15.c9_pm[which];
}

void arm_cycles_update(vmm_vcpu *v); /* after a register or the level changed; settled before */
/* Its counter, and one at the same count of instructions with the same control registers. */
bool arm_cycles_alike(vmm_vcpu *v, const vmm_arm_cycles *then);
void arm_cycles_settle(vmm_vcpu *v); /* count up to now: before its exception level changes */
void arm_cycles_resume(vmm_vcpu *v); /* behind that, and where its turn or its sleep ended */
void arm_cycles_expired(vmm_vcpu *v);
void arm_cycles_reset(vmm_vcpu *v);

#endif
