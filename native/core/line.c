/* Wires: drivers on one end, a controller's pin on the other. */
#include "core/stimulus.h"

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

static bool unmasked(const vmm_machine *m, uint8_t sink, uint8_t pin)
{
    switch (sink) {
    case VMM_SINK_PIC:
        return pic_unmasked(m, pin);
    case VMM_SINK_IOAPIC:
        return ioapic_unmasked(m, pin);
    case VMM_SINK_LINT1:
        for (uint32_t i = 0; i < m->vcpu_count; i++)
            if (lapic_lint_unmasked(m->vcpus[i], 1))
                return true;
        return false;
    case VMM_SINK_GIC:
        return gic_spi_enabled(m, pin);
    default:
        return false;
    }
}

bool line_unmasked(const vmm_machine *m, uint32_t number)
{
    const vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    return unmasked(m, line->sink[0], line->pin[0]) || unmasked(m, line->sink[1], line->pin[1]);
}

/* The vector or INTID that it becomes at that end; VMM_ANY: none. */
static uint32_t interrupt_of(const vmm_machine *m, uint8_t sink, uint8_t pin)
{
    enum { NMI_VECTOR = 2, FIRST_SPI = 32 };
    switch (sink) {
    case VMM_SINK_PIC:
        return pic_vector(m, pin);
    case VMM_SINK_IOAPIC:
        return ioapic_vector(m, pin);
    case VMM_SINK_GIC:
        return FIRST_SPI + pin;
    case VMM_SINK_NMI:
    case VMM_SINK_LINT1:
        return NMI_VECTOR;
    default:
        return VMM_ANY;
    }
}

bool line_concerns(const vmm_machine *m, uint32_t number, const vmm_event *e)
{
    const vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    if (e->source == VMM_SRC_EXCEPTION || e->source == VMM_SRC_SOFTWARE)
        return false;
    for (int i = 0; i < 2; i++) {
        bool names_pin = e->kind == VMM_EV_ENDED && line->sink[i] == VMM_SINK_PIC;
        if (e->number == (names_pin ? line->pin[i] : interrupt_of(m, line->sink[i], line->pin[i])))
            return true;
    }
    return false;
}

/* Apart, so that other drivers' way stays short. */
static __attribute__((noinline)) void note_stimulus(vmm_machine *m, uint32_t number, bool level)
{
    trace_emit(m->current, &(vmm_event){.kind = VMM_EV_LINE, .number = number, .value = level,
                                        .source = VMM_SRC_STIMULUS, .pc = trace_place(m->current)});
}

/* `driver` is who does it. */
static void change(vmm_machine *m, uint32_t number, uint32_t drivers, uint32_t cut, uint32_t driver)
{
    vmm_line *line = &m->lines[number];
    bool before = line->drivers & ~line->cut, level = drivers & ~cut;
    line->drivers = drivers;
    line->cut = cut;
    if (before == level)
        return;
    if (level && m->current)
        line->raised = machine_insns(m);
    if (unlikely(driver == VMM_STIMULUS_DRIVER && m->current))
        note_stimulus(m, number, level);
    else
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
    change(m, number, with(m->lines[number].drivers, driver, level), m->lines[number].cut, driver);
}

void vmm_line_connect(vmm_machine *m, uint32_t number, uint32_t driver, int connected)
{
    number %= VMM_MAX_LINES;
    change(m, number, m->lines[number].drivers, with(m->lines[number].cut, driver, !connected), driver);
}
