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

static void change(vmm_machine *m, uint32_t number, uint32_t drivers, uint32_t cut)
{
    vmm_line *line = &m->lines[number];
    bool before = line->drivers & ~line->cut, level = drivers & ~cut;
    line->drivers = drivers;
    line->cut = cut;
    if (before == level)
        return;
    if (level && m->current)
        line->raised = machine_insns(m);
    trace_note(m, VMM_EV_LINE, number, level);
    for (int i = 0; i < 2; i++)
        drive(m, line->sink[i], line->pin[i], level);
}

static uint32_t with(uint32_t drivers, uint32_t driver, int on)
{
    uint32_t bit = 1u << driver % 32;
    return on ? drivers | bit : drivers & ~bit;
}

void vmm_line_set(vmm_machine *m, uint32_t number, uint32_t driver, int level)
{
    number %= VMM_MAX_LINES;
    change(m, number, with(m->lines[number].drivers, driver, level), m->lines[number].cut);
}

void vmm_line_connect(vmm_machine *m, uint32_t number, uint32_t driver, int connected)
{
    number %= VMM_MAX_LINES;
    change(m, number, m->lines[number].drivers, with(m->lines[number].cut, driver, !connected));
}
