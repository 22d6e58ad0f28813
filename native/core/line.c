/* Lines: drivers at one end, a controller's pin at the other. */
#include "api/vmm_outside.h"
#include "core/clock.h"
#include "core/controller.h"
#include "core/line.h"
#include "core/trace.h"

static void drive(vmm_machine *m, uint8_t sink, uint8_t pin, int level)
{
    const line_end *end = line_end_of(m, sink);
    if (end)
        end->set(m, pin, level);
}

static bool unmasked(const vmm_machine *m, uint8_t sink, uint8_t pin)
{
    const line_end *end = line_end_of(m, sink);
    return end && end->unmasked && end->unmasked(m, pin);
}

bool line_unmasked(const vmm_machine *m, uint32_t number)
{
    const vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    return unmasked(m, line->sink[0], line->pin[0]) || unmasked(m, line->sink[1], line->pin[1]);
}

bool line_concerns(const vmm_machine *m, uint32_t number, const vmm_event *e)
{
    const vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    if (e->source == VMM_SRC_EXCEPTION || e->source == VMM_SRC_SOFTWARE)
        return false;
    for (int i = 0; i < 2; i++) {
        const line_end *end = line_end_of(m, line->sink[i]);
        bool names_pin = end && end->ended_by_pin && e->kind == VMM_EV_ENDED;
        bool known = end && end->interrupt;
        uint32_t interrupt = names_pin ? line->pin[i] : known ? end->interrupt(m, line->pin[i]) : VMM_ANY;
        if (e->number == interrupt)
            return true;
    }
    return false;
}

bool line_leads_to(const vmm_machine *m, uint32_t number, const line_end *end)
{
    const vmm_line *line = &m->lines[number % VMM_MAX_LINES];
    return line_end_of(m, line->sink[0]) == end || line_end_of(m, line->sink[1]) == end;
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
    uint32_t held = line->drivers & ~line->cut;
    bool before = held, level = drivers & ~cut;
    line->drivers = drivers;
    line->cut = cut;
    if (before == level) {
        if (m->current && trace_is_whole(m) && held != (drivers & ~cut))
            trace_derived(m->current, VMM_EV_HELD, number, drivers & ~cut);
        return;
    }
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
    vmm_line *line = &m->lines[number];
    line->served = with(line->served, driver, 0);
    line->until_served = with(line->until_served, driver, 0);
    line->until_taken = with(line->until_taken, driver, 0);
    change(m, number, with(line->drivers, driver, level), line->cut, driver);
}

/* ---- held until it is served: one interrupt, whether its input takes edges or levels ---- */

void vmm_line_until_served(vmm_machine *m, uint32_t number, uint32_t driver)
{
    number %= VMM_MAX_LINES;
    vmm_line_set(m, number, driver, 1);
    m->lines[number].until_served |= 1u << driver % 32;
    m->lines_wait = 1;
    vmm_triggers_changed(m);
}

/* A controller is in the middle of its acknowledge: the line falls at the next boundary. */
void lines_event(vmm_machine *m, const vmm_event *e)
{
    if (!m->lines_wait || e->kind != VMM_EV_ACKNOWLEDGED)
        return;
    for (uint32_t i = 0; i < VMM_MAX_LINES; i++)
        if (m->lines[i].until_served && line_concerns(m, i, e)) {
            m->lines[i].served = m->lines[i].until_served;
            m->lines_served = 1;
        }
    if (!m->lines_served)
        return;
    m->triggers.every |= 2;
    vcpu_rearm(m->current);
}

void lines_let_go(vmm_machine *m)
{
    m->lines_wait = m->lines_served = 0;
    m->triggers.every &= 1;
    for (uint32_t i = 0; i < VMM_MAX_LINES; i++) {
        for (uint32_t served = m->lines[i].served; served; served &= served - 1)
            vmm_line_set(m, i, (uint32_t)__builtin_ctz(served), 0);
        m->lines_wait |= m->lines[i].until_served != 0;
    }
}

/* ---- held until it is taken: a request that is gone when somebody asks for it ---- */

void vmm_line_until_taken(vmm_machine *m, uint32_t number, uint32_t driver)
{
    vmm_line_set(m, number, driver, 0);
    vmm_line_until_served(m, number, driver); /* who asks without taking it gets it */
    m->lines[number % VMM_MAX_LINES].until_taken |= 1u << driver % 32;
    m->lines_withdraw = 1;
}

void lines_withdraw(vmm_machine *m)
{
    m->lines_withdraw = 0;
    for (uint32_t i = 0; i < VMM_MAX_LINES; i++)
        for (uint32_t taken = m->lines[i].until_taken; taken; taken &= taken - 1)
            vmm_line_set(m, i, (uint32_t)__builtin_ctz(taken), 0);
}

void vmm_line_connect(vmm_machine *m, uint32_t number, uint32_t driver, int connected)
{
    number %= VMM_MAX_LINES;
    change(m, number, m->lines[number].drivers, with(m->lines[number].cut, driver, !connected), driver);
}
