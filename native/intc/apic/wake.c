/*
 * What could interrupt a vCPU. While it has IF = 0: an NMI or an INIT that an unmasked entry of an interrupt controller
 * would send (Intel SDM vol. 3A 11.5.1; 82093AA datasheet 3.2.4). Only entries that something will drive count: nothing
 * drives the thermal sensor and the performance counters, and LINT1 only a stimulus, or a script, which wakes the machine.
 */
#include "core/stimulus.h"
#include "intc/apic/lapic.h"

/* LVT and redirection entries have mode and mask in the same bits. */
static bool would_send(uint32_t entry, bool nmi)
{
    uint32_t mode = lvt_mode(entry);
    return !(entry & LVT_MASKED) && (mode == MODE_INIT || (nmi && mode == MODE_NMI));
}

bool apic_can_interrupt_masked(const vmm_vcpu *v, bool nmi)
{
    const vmm_lapic *a = lapic_of(v);
    if (!(a->base & VMM_APIC_ENABLE))
        return false;
    bool can = would_send(a->lvt[VMM_LVT_LINT0], nmi);
    can |= would_send(a->lvt[VMM_LVT_LINT1], nmi) && stimuli_can_drive(v->machine, &lint1_pins);
    for (int pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        can |= would_send((uint32_t)ioapic_of(v->machine)->entry[pin], nmi);
    return can;
}

/* ---- a request that is gone ---- */

static bool sends_vector(uint32_t entry)
{
    uint32_t mode = lvt_mode(entry);
    return !(entry & LVT_MASKED) && (mode == MODE_FIXED || mode == MODE_LOWEST);
}

static bool gets_vectors(const vmm_vcpu *v)
{
    bool gets = v->machine->vcpu_count > 1; /* from each other */
    for (int i = 0; i < VMM_LVTS; i++)
        gets |= sends_vector(lapic_of(v)->lvt[i]);
    for (int pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        gets |= sends_vector((uint32_t)ioapic_of(v->machine)->entry[pin]);
    return gets;
}

/* SDM 11.9: what TPR masks between signal and INTA was above it before. With ExtINTs alone there is no such thing. */
static bool may_be_spurious(vmm_machine *m, uint32_t cpu)
{
    vmm_vcpu *v = cpu < m->vcpu_count ? m->vcpus[cpu] : NULL;
    return v && lapic_enabled(lapic_of(v)) && vmm_lapic_priority(v) < 0xf0 && gets_vectors(v);
}

static void request_spurious(vmm_machine *m, uint32_t cpu)
{
    if (cpu >= m->vcpu_count)
        return;
    lapic_of(m->vcpus[cpu])->held = 1;
    intr_update(m->vcpus[cpu]);
}

const spurious_source lapic_spurious = {"apic", may_be_spurious, request_spurious};
