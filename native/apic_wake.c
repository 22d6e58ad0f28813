/*
 * What could still interrupt a vCPU that has IF = 0: an NMI or an INIT that an unmasked entry of an interrupt controller
 * would send (Intel SDM vol. 3A 11.5.1; 82093AA datasheet 3.2.4), or a wire. Whether anything ever drives that entry is
 * not asked; but for LINT1, which firmware leaves unmasked as NMI on every PC.
 */
#include "lapic.h"

/* LVT and redirection entries have mode and mask in the same bits. */
static bool would_send(uint32_t entry, bool nmi)
{
    uint32_t mode = lvt_mode(entry);
    return !(entry & LVT_MASKED) && (mode == MODE_INIT || (nmi && mode == MODE_NMI));
}

static bool some_line_ends_at(const vmm_machine *m, uint8_t sink, int pin) /* -1: any */
{
    for (int i = 0; i < VMM_MAX_LINES; i++)
        for (int end = 0; end < 2; end++)
            if (m->lines[i].sink[end] == sink && (pin < 0 || m->lines[i].pin[end] == pin))
                return true;
    return false;
}

static bool some_wire(const vmm_vcpu *v, bool nmi)
{
    const vmm_lapic *a = &v->x86.lapic;
    uint32_t lint1 = a->base & BASE_ENABLE ? a->lvt[VMM_LVT_LINT1] : MODE_NMI << 8; /* without APIC it is the NMI pin */
    return (nmi && some_line_ends_at(v->machine, VMM_SINK_NMI, (int)v->index))
        || (would_send(lint1, nmi) && some_line_ends_at(v->machine, VMM_SINK_LINT1, -1));
}

bool apic_can_interrupt_masked(const vmm_vcpu *v, bool nmi)
{
    static const uint8_t LOCAL[] = {VMM_LVT_CMCI, VMM_LVT_THERMAL, VMM_LVT_PERFORMANCE, VMM_LVT_LINT0};
    const vmm_lapic *a = &v->x86.lapic;
    bool can = some_wire(v, nmi);
    if (!(a->base & BASE_ENABLE))
        return can;
    for (unsigned i = 0; i < sizeof LOCAL; i++)
        can |= would_send(a->lvt[LOCAL[i]], nmi);
    for (int pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        can |= would_send((uint32_t)v->machine->ioapic.entry[pin], nmi);
    return can;
}
