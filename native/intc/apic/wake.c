/*
 * What could still interrupt a vCPU that has IF = 0: an NMI or an INIT that an unmasked entry of an interrupt controller
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
