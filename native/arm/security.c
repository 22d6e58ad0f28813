/*
 * The Security state. EL3 is Secure whatever SCR_EL3.NS says, which is about the levels below (DDI0487 D1.4); but of the
 * GIC's banked registers it reaches the copy that NS names (IHI0069, accessibility of ICC_BPR1_EL1 and its kin).
 */
#include "api/vmm_gic.h"
#include "arm/arm.h"

enum { SCR_NS = 1, SCR_IRQ = 2, SCR_FIQ = 4 };

bool arm_secure_below_el3(const vmm_vcpu *v)
{
    return arm_of(v)->has_el3 && !(arm_env_of(v)->cp15.scr_el3 & SCR_NS);
}

static bool is_secure(vmm_vcpu *v)
{
    return arm_secure_below_el3(v) || (arm_of(v)->has_el3 && vmm_arm_el(v) == 3);
}

int arm_gic_access(vmm_vcpu *v)
{
    if (!arm_of(v)->has_el3)
        return VMM_GIC_NONSECURE;
    uint64_t scr = arm_env_of(v)->cp15.scr_el3;
    return (scr & SCR_NS ? 0 : VMM_GIC_SECURE) | (vmm_arm_el(v) == 3 ? VMM_GIC_AT_EL3 : 0)
         | (scr & SCR_IRQ ? VMM_GIC_SCR_IRQ : 0) | (scr & SCR_FIQ ? VMM_GIC_SCR_FIQ : 0);
}

/* With two Security states the GIC drives IRQ or FIQ, and answers, by the state the vCPU is in (IHI0069 4.6.2). */
void arm_tell_gic(vmm_vcpu *v)
{
    if (arm_of(v)->has_el3)
        vmm_gic_state(v->machine, v->index, !is_secure(v), vmm_arm_el(v) == 3);
}
