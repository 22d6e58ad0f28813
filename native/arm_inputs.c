/* The interrupt inputs of an ARM vCPU, as its GIC drives them. */
#include "internal.h"

void gic_output(vmm_machine *m, uint32_t cpu, bool irq, bool fiq)
{
    if (cpu >= m->vcpu_count)
        return;
    vmm_vcpu *v = m->vcpus[cpu];
    uint32_t before = v->pending;
    v->pending &= ~(uint32_t)(VMM_PEND_INTR | VMM_PEND_FIQ);
    v->pending |= (irq ? VMM_PEND_INTR : 0) | (fiq ? VMM_PEND_FIQ : 0);
    if (v->pending != before)
        vcpu_rearm(v);
}
