/* What may happen at a boundary: whether it can, and how it does. */
#include <string.h>

#include "api/vmm_outside.h"
#include "core/clock.h"
#include "core/pages.h"
#include "explore/choice.h"

bool is_found(uint8_t kind)
{
    return kind == VMM_CHOICE_FIND || kind == VMM_CHOICE_FIND_PORT || kind == VMM_CHOICE_FIND_DEVICE;
}

extent with_one(extent so_far, uint8_t kind)
{
    bool found = is_found(kind);
    return (extent){so_far.happened + !found, so_far.found + found};
}

bool more_may(const exploration *x, extent so_far)
{
    return so_far.happened < x->plan->depth || so_far.found < x->plan->finds;
}

static void let_find(vmm_machine *m, const vmm_choice *c)
{
    memcpy(vmm_memory(m, c->physical, c->size), &c->value, c->size);
    vmm_memory_written(m, c->physical, c->size);
}

void inject(exploration *x, uint32_t choice)
{
    const vmm_choice *c = &x->plan->choice[choice];
    vmm_machine *m = x->machine;
    vmm_from_outside(m);
    switch (c->kind) {
    case VMM_CHOICE_EDGE:
        vmm_line_set(m, c->number, VMM_SCRIPT_DRIVER, 1);
        vmm_line_set(m, c->number, VMM_SCRIPT_DRIVER, 0);
        break;
    case VMM_CHOICE_SERVED: vmm_line_until_served(m, c->number, VMM_SCRIPT_DRIVER); break;
    case VMM_CHOICE_HIGH: vmm_line_set(m, c->number, VMM_SCRIPT_DRIVER, 1); break;
    case VMM_CHOICE_WITHDRAWN: vmm_line_until_taken(m, c->number, VMM_SCRIPT_DRIVER); break;
    case VMM_CHOICE_SPURIOUS: vmm_spurious(m, c->vector, c->number); break;
    case VMM_CHOICE_NMI: vmm_nmi(m, c->number); break;
    case VMM_CHOICE_INJECT: vmm_inject(m, c->number, c->vector); break;
    case VMM_CHOICE_FIND: let_find(m, c); break;
    case VMM_CHOICE_FIND_PORT: m->answer = (vmm_answer){VMM_PLACE_PORT, c->physical, c->value}; break;
    case VMM_CHOICE_FIND_DEVICE: m->answer = (vmm_answer){VMM_PLACE_MEMORY, c->physical, c->value}; break;
    case VMM_CHOICE_TIMER: x->failed |= vmm_skip_to_timer(m) != 0; break;
    case VMM_CHOICE_LATE: x->failed |= vmm_delay_timer(m, c->number) != 0; break;
    case VMM_CHOICE_TURN: x->failed |= vmm_turn(m, c->number) != 0; break;
    default:
        m->host_calls++;
        x->plan->act(x->plan->handle, choice);
    }
}

typedef struct {
    const vmm_plan *plan;
    footprint *seen;
} device_watch;

static void device_read(void *who, uint8_t place, uint64_t at, uint32_t size, uint64_t value)
{
    const device_watch *w = who;
    uint8_t kind = place == VMM_PLACE_PORT ? VMM_CHOICE_FIND_PORT : VMM_CHOICE_FIND_DEVICE;
    for (uint32_t i = 0; i < w->plan->choices; i++) {
        const vmm_choice *c = &w->plan->choice[i];
        bool other = memcmp(&c->value, &value, size < sizeof value ? size : sizeof value) != 0;
        w->seen->answers |= (uint32_t)(c->kind == kind && c->physical == at && other) << i;
    }
}

void look_ahead(exploration *x, const piece *p, uint64_t i, footprint *seen)
{
    device_watch devices = {x->plan, seen};
    stand_at(x, p, i);
    x->machine->device_read = device_read;
    x->machine->device_read_by = &devices;
    x->watch.now = seen;
    x->watch.by_name = true;
    step(x);
    x->watch.by_name = false;
    x->machine->device_read = NULL;
    x->watch.now = NULL;
}

/* The second page of a load across pages may be any: a place at the beginning of one may be what it reads there. */
static bool reads(const exploration *x, const footprint *seen, const vmm_choice *c)
{
    uint64_t offset = c->physical - x->machine->ram_base;
    return set_has(&seen->live, offset, c->size) || offset % PAGE < seen->beyond;
}

/* Of a window that ends by one: in a handler which it ends in nothing more happens. */
static bool is_behind_count(const exploration *x)
{
    return x->plan->end.kind == VMM_TRIGGER_INSNS && x->plan->end.at < machine_insns(x->machine);
}

bool can_happen(const exploration *x, const piece *p, uint64_t i, uint32_t choice, const footprint *seen)
{
    const vmm_choice *c = &x->plan->choice[choice];
    uint8_t first = i ? ANYTHING : p->first;
    if (first == NOTHING || is_behind_count(x))
        return false;
    if (c->kind == VMM_CHOICE_TIMER)
        return vmm_next_timer(x->machine) != VMM_NEVER;
    if (c->kind == VMM_CHOICE_SPURIOUS)
        return vmm_may_be_spurious(x->machine, c->vector, c->number);
    if (c->kind == VMM_CHOICE_LATE)
        return vmm_timer_is_next(x->machine);
    if (c->kind == VMM_CHOICE_TURN)
        return first != NO_TURN && vmm_may_turn(x->machine, c->number);
    if (c->kind == VMM_CHOICE_FIND_PORT || c->kind == VMM_CHOICE_FIND_DEVICE)
        return seen->answers >> choice & 1;
    return c->kind != VMM_CHOICE_FIND
        || (reads(x, seen, c)
            && memcmp(vmm_memory(x->machine, c->physical, c->size), &c->value, c->size) != 0);
}

bool all_in_ram(vmm_machine *m, const vmm_plan *plan)
{
    for (uint32_t i = 0; i < plan->choices && i < VMM_MAX_CHOICES; i++) {
        const vmm_choice *c = &plan->choice[i];
        uint64_t offset = c->physical - m->ram_base;
        bool fits = offset < m->ram_size && c->size <= sizeof c->value && offset % PAGE + c->size <= PAGE;
        if (c->kind == VMM_CHOICE_FIND && !fits)
            return false;
    }
    return true;
}
