/*
 * What EL2 and EL3 trap of accesses to registers of ours (DDI0487 D1.15). A row of a table of registers names its
 * controls; a trap to EL1 is decided before these, one to EL2 before one to EL3.
 */
#include "arm/hypervisor.h"
#include "arm/sysreg.h"

enum { SCR_IRQ = 1 << 1, SCR_FIQ = 1 << 2, MDCR_TPMCR = 1 << 5, MDCR_TPM = 1 << 6, MDCR_TDE = 1 << 8, MDCR_TDA = 1 << 9 };

typedef struct {
    uint64_t hcr;     /* HCR_EL2 bits, */
    uint64_t mdcr;    /* MDCR_EL2 bits, each of which traps to EL2 */
    uint64_t cnthctl; /* CNTHCTL_EL2 bit that admits */
    uint64_t mdcr3;   /* MDCR_EL3 bit that traps to EL3 */
    uint64_t scr;     /* SCR_EL3 bits that trap to EL3 where all are set */
} control;

static const control TABLE[CONTROLS] = {
    {.hcr = HCR_TID3},
    {.hcr = HCR_TTLB},
    {.hcr = HCR_TPU},
    {.hcr = HCR_IMO | HCR_FMO}, /* IHI0069, ICC_SGI1R_EL1: either */
    {.hcr = HCR_TGE, .mdcr = MDCR_TDA | MDCR_TDE, .mdcr3 = MDCR_TDA}, /* MDCR_EL2.TDE: as if TDA were 1; so TGE */
    {.mdcr = MDCR_TPM, .mdcr3 = MDCR_TPM},
    {.mdcr = MDCR_TPMCR},
    {.cnthctl = CNTHCTL_EL1PCTEN},
    {.cnthctl = CNTHCTL_EL1PCEN},
    {.scr = SCR_FIQ},
    {.scr = SCR_IRQ},
    {.scr = SCR_FIQ | SCR_IRQ},
    {.hcr = HCR_TIDCP},
};

static bool held_by_el2(const vmm_vcpu *v, const control *c)
{
    const arm_env *env = arm_env_of(v);
    bool admits = !c->cnthctl || arm_of(v)->cnthctl & c->cnthctl;
    return arm_hcr(v) & c->hcr || env->cp15.mdcr_el2 & c->mdcr || !admits;
}

static bool held_by_el3(const vmm_vcpu *v, const control *c)
{
    const arm_env *env = arm_env_of(v);
    return arm_of(v)->has_el3 && (env->cp15.mdcr_el3 & c->mdcr3 || (c->scr && (env->cp15.scr_el3 & c->scr) == c->scr));
}

int arm_control_check(vmm_vcpu *v, uint32_t controls)
{
    uint32_t el = vmm_arm_el(v);
    int found = ACCESS_OK;
    for (uint32_t i = 0; i < CONTROLS; i++) {
        if (!(controls >> i & 1))
            continue;
        if (el < 2 && arm_el2_enabled(v) && held_by_el2(v, &TABLE[i]))
            return ACCESS_TRAP_EL2;
        if (el < 3 && held_by_el3(v, &TABLE[i]))
            found = ACCESS_TRAP_EL3;
    }
    return found;
}
