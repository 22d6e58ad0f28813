/* Wires: drivers on one end, a controller's pin on the other. */
#include "internal.h"

static void drive(vmm_machine *m, uint8_t sink, uint8_t pin, int level)
{
    switch (sink) {
    case VMM_SINK_PIC:
        vmm_pic_set_line(m, pin, level);
        return;
    case VMM_SINK_NMI:
        if (level)
            vmm_nmi(m, pin);
        return;
    case VMM_SINK_IOAPIC:
        vmm_ioapic_set_line(m, pin, level);
        return;
    case VMM_SINK_LINT1:
        for (uint32_t i = 0; i < m->vcpu_count; i++)
            vmm_lapic_set_lint(m->vcpus[i], 1, level);
        return;
    case VMM_SINK_GIC:
        gic_set_spi(m, pin, level);
        return;
    }
}

void vmm_line_set(vmm_machine *m, uint32_t number, uint32_t driver, int level)
{
    vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    uint32_t bit = 1u << driver % 32;
    uint32_t before = line->drivers;
    line->drivers = level ? before | bit : before & ~bit;
    if (!before == !line->drivers)
        return;
    if (line->drivers && m->current)
        line->raised = machine_insns(m);
    trace_note(m, VMM_EV_LINE, number, line->drivers != 0);
    for (int i = 0; i < 2; i++)
        drive(m, line->sink[i], line->pin[i], line->drivers != 0);
}
