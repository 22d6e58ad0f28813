/*
 * What EL2 and EL3 trap of accesses to registers of ours (DDI0487 D1.15). A row of a table of registers names its
 * controls; a trap to EL1 is decided before these, one to EL2 before one to EL3.
 */
#include "arm/hypervisor.h"
#include "arm/sysreg.h"

#define CPTR_TCPAC (1u << 31)

enum { SCR_IRQ = 1 << 1, SCR_FIQ = 1 << 2, MDCR_TPMCR = 1 << 5, MDCR_TPM = 1 << 6, MDCR_TDE = 1 << 8, MDCR_TDA = 1 << 9 };

typedef struct {
    uint64_t hcr;     /* HCR_EL2 bits, */
    uint64_t cptr2;   /* CPTR_EL2 bits, */
    uint64_t mdcr;    /* MDCR_EL2 bits, each of which traps to EL2 */
    uint64_t cnthctl; /* CNTHCTL_EL2 bit that admits */
    uint64_t mdcr3;   /* MDCR_EL3 bit that traps to EL3, */
    uint64_t cptr3;   /* or CPTR_EL3's */
    uint64_t scr;     /* SCR_EL3 bits that trap to EL3 where all are set */
    enum { EITHER, READS, WRITES } direction;
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
    {.hcr = HCR_TVM, .direction = WRITES},
    {.hcr = HCR_TRVM, .direction = READS},
    {.cptr2 = CPTR_TCPAC, .cptr3 = CPTR_TCPAC},
    {.hcr = HCR_TIDCP},
};

static bool held_by_el2(const vmm_vcpu *v, const control *c)
{
    const arm_env *env = arm_env_of(v);
    uint64_t cnthctl = c->cnthctl << (arm_e2h(v) ? CNTHCTL_E2H : 0);
    bool admits = !cnthctl || arm_of(v)->cnthctl & cnthctl;
    return arm_hcr(v) & c->hcr || env->cp15.mdcr_el2 & c->mdcr || env->cp15.cptr_el[2] & c->cptr2 || !admits;
}

static bool held_by_el3(const vmm_vcpu *v, const control *c)
{
    const arm_env *env = arm_env_of(v);
    return arm_of(v)->has_el3 && (env->cp15.mdcr_el3 & c->mdcr3 || env->cp15.cptr_el[3] & c->cptr3 || (c->scr && (env->cp15.scr_el3 & c->scr) == c->scr));
}

int arm_control_check(vmm_vcpu *v, uint32_t controls, bool read)
{
    uint32_t el = vmm_arm_el(v);
    int found = ACCESS_OK;
    for (uint32_t i = 0; i < CONTROLS; i++) {
        if (!(controls >> i & 1) || TABLE[i].direction == (read ? WRITES : READS))
            continue;
        if (el < 2 && arm_el2_enabled(v) && !(TABLE[i].cnthctl && arm_in_host(v)) && held_by_el2(v, &TABLE[i]))
            return ACCESS_TRAP_EL2;
        if (el < 3 && held_by_el3(v, &TABLE[i]))
            found = ACCESS_TRAP_EL3;
    }
    return found;
}
