/* Controllers of a machine: their state, and who is meant by a name when a board is wired. */
#include <stdlib.h>
#include <string.h>

#include "api/vmm_outside.h"
#include "core/controller.h"

void controller_begin(vmm_machine *m, uint32_t row)
{
    const struct vmm_controller *c = &m->controllers[row];
    memset(m->controller_state[row], 0, c->state_bytes);
    if (c->reset)
        c->reset(m);
}

void *controller_state(vmm_machine *m, uint32_t row)
{
    const struct vmm_controller *c = &m->controllers[row];
    if (m->controller_state[row])
        return m->controller_state[row];
    m->controller_state[row] = malloc(c->state_bytes);
    if (m->controller_state[row])
        controller_begin(m, row);
    else
        fail(m, "no memory for the controller %s", c->name);
    return m->controller_state[row];
}

void controllers_free(vmm_machine *m)
{
    for (uint32_t row = 0; row < m->controller_count; row++)
        free(m->controller_state[row]);
}

/* Numbers begin at 1; -1 with m->error where there is no memory for who has it. */
static int number_of(vmm_machine *m, uint32_t row, uint32_t n)
{
    if (m->controllers[row].state_bytes && !controller_state(m, row))
        return -1;
    return (int)(1 + row * NAMES_EACH + n);
}

int vmm_line_end(vmm_machine *m, const char *name)
{
    for (uint32_t row = 0; row < m->controller_count; row++)
        for (uint32_t n = 0; n < NAMES_EACH && m->controllers[row].ends[n].name; n++)
            if (strcmp(m->controllers[row].ends[n].name, name) == 0)
                return number_of(m, row, n);
    return fail(m, "no controller has inputs that are called %s", name);
}

const line_end *line_end_of(const vmm_machine *m, uint32_t number)
{
    uint32_t row = (number - 1) / NAMES_EACH;
    return row < m->controller_count ? m->controllers[row].ends[(number - 1) % NAMES_EACH].end : NULL;
}

int vmm_range_owner(vmm_machine *m, const char *name)
{
    for (uint32_t row = 0; row < m->controller_count; row++)
        for (uint32_t n = 0; n < NAMES_EACH && m->controllers[row].ranges[n].name; n++)
            if (strcmp(m->controllers[row].ranges[n].name, name) == 0)
                return number_of(m, row, n);
    return fail(m, "no controller has registers that are called %s", name);
}

const range_owner *range_owner_of(const vmm_machine *m, uint32_t number)
{
    uint32_t row = (number - 1) / NAMES_EACH;
    return row < m->controller_count ? m->controllers[row].ranges[(number - 1) % NAMES_EACH].owner : NULL;
}

int vmm_spurious_row(vmm_machine *m, const char *controller)
{
    for (uint32_t row = 0; row < m->controller_count; row++) {
        const spurious_source *source = m->controllers[row].spurious;
        if (source && m->controller_state[row] && strcmp(source->name, controller) == 0)
            return (int)row;
    }
    return fail(m, "this machine has no controller %s whose requests could be spurious", controller);
}

int vmm_may_be_spurious(vmm_machine *m, uint32_t row, uint32_t vcpu)
{
    return m->controllers[row].spurious->possible(m, vcpu);
}

void vmm_spurious(vmm_machine *m, uint32_t row, uint32_t vcpu)
{
    m->controllers[row].spurious->request(m, vcpu);
}
