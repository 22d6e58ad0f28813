/* The interrupt inputs of an ARM vCPU, as its GIC drives them. */
#include "arm/arm.h"
#include "core/clock.h"
#include "core/coverage.h"
#include "core/trace.h"

void arm_note_masks(vmm_vcpu *v)
{
    uint64_t masks = arm_env_of(v)->daif & PSTATE_DAIF;
    uint64_t before = v->masks & PSTATE_DAIF;
    if ((v->watch & PSTATE_DAIF) == PSTATE_DAIF && masks != before)
        trace_derived(v, VMM_EV_CPU_MASK, (uint32_t)masks >> 6, before >> 6);
    v->masks = masks | EACH_INSTRUCTION;
}

/*
 * With one level that takes interrupts, PSTATE's masks alone decide, and the code hook sees when one of them clears. Who
 * records is told of all their changes.
 */
void arm_hold_masked(vmm_vcpu *v)
{
    arm_note_masks(v);
    uint64_t masks = arm_of(v)->has_el2 || arm_of(v)->has_el3 ? 0 : arm_env_of(v)->daif;
    uint32_t irq = masks & PSTATE_I ? v->pending & (VMM_PEND_INTR | VMM_PEND_INJECT) : 0;
    uint32_t fiq = masks & PSTATE_F ? v->pending & VMM_PEND_FIQ : 0;
    uint32_t serror = masks & PSTATE_A ? v->pending & VMM_PEND_SERROR : 0;
    v->held = irq | fiq | serror;
    v->watch = (irq ? PSTATE_I : 0u) | (fiq ? PSTATE_F : 0u) | (serror ? PSTATE_A : 0u);
    if (trace_is_whole(v->machine))
        v->watch = PSTATE_DAIF;
    v->watch |= coverage_watch(v->machine);
}

void arm_inputs(vmm_vcpu *v, bool irq, bool fiq)
{
    uint32_t before = v->pending;
    v->pending &= ~(uint32_t)(VMM_PEND_INTR | VMM_PEND_FIQ);
    v->pending |= (irq ? VMM_PEND_INTR : 0) | (fiq ? VMM_PEND_FIQ : 0);
    if (v->pending == before)
        return;
    arm_hold_masked(v);
    vcpu_rearm(v);
}
