/* How runs end, and what is said of it: each kind of ending once, unless every run is asked about. */
#include <string.h>

#include "core/clock.h"
#include "explore/ending.h"

static uint64_t value_of(const vmm_term *t, const uint8_t *bytes)
{
    uint64_t value = 0;
    memcpy(&value, bytes, t->size);
    if (t->is_signed && t->size < 8 && value >> (8 * t->size - 1))
        value |= ~0ull << 8 * t->size;
    return value;
}

static bool compares(const vmm_term *t, uint64_t value)
{
    bool less = t->is_signed ? (int64_t)value < (int64_t)t->value : value < t->value, equal = value == t->value;
    switch (t->relation) {
    case VMM_EQ: return equal;
    case VMM_NE: return !equal;
    case VMM_LT: return less;
    case VMM_LE: return less || equal;
    case VMM_GT: return !less && !equal;
    default: return !less;
    }
}

static bool memory_holds(exploration *x, const vmm_term *t)
{
    uint8_t bytes[8];
    vmm_vcpu *v = x->machine->vcpus[0];
    return v->arch->look(v, t->at, bytes, t->size) == t->size && compares(t, value_of(t, bytes));
}

/* Those that arch->leftover has are other modes'. */
static bool register_holds(exploration *x, const vmm_term *t)
{
    vmm_vcpu *v = x->machine->vcpus[0];
    uint64_t value = t->at == VMM_TERM_PC ? v->arch->pc(v) : v->arch->reg(v, (int)t->at);
    return compares(t, value_of(t, (const uint8_t *)&value));
}

static bool holds(exploration *x, uint32_t i)
{
    const vmm_term *t = &x->plan->term[i];
    switch (t->kind) {
    case VMM_TERM_REGISTER: return register_holds(x, t);
    case VMM_TERM_NEVER: return x->forbidden != i;
    case VMM_TERM_SENT: return compares(t, x->machine->sent[t->at] == x->plan->phrase[t->at].length);
    default: return memory_holds(x, t);
    }
}

static bool one_ending(const vmm_ending *a, const vmm_ending *b)
{
    return a->phase == b->phase && a->reason == b->reason && a->errors == b->errors && a->code == b->code
        && a->terms == b->terms && a->spins == b->spins && a->late == b->late && a->deep == b->deep;
}

static uint32_t asked(exploration *x, vmm_ending *e)
{
    vmm_plan *plan = x->plan;
    for (uint64_t i = 0; i < plan->ending_count && !plan->ask_each; i++)
        if (one_ending(&plan->ending[i], e))
            return plan->ending[i].outcome;
    e->outcome = plan->judge(plan->handle, e);
    if (plan->ending_count < VMM_MAX_ENDINGS && !plan->ask_each)
        plan->ending[plan->ending_count++] = *e;
    return e->outcome;
}

/* A guest without a place where its runs are to end ends them itself. */
static bool comes_to_its_end(const exploration *x, bool arrived)
{
    uint8_t reason = x->machine->stop.reason;
    bool by_itself = reason == VMM_STOP_EXIT || reason == VMM_STOP_POWEROFF || reason == VMM_STOP_RESET;
    return arrived || (x->plan->until.kind == VMM_TRIGGER_FREE && by_itself);
}

uint32_t too_deep(exploration *x)
{
    vmm_ending e = {.phase = VMM_PHASE_END, .deep = 1};
    if (!x->too_deep && !stopped(x))
        x->too_deep = asked(x, &e);
    return x->too_deep;
}

/* The run is over: what that comes to. */
uint32_t judge(exploration *x, uint8_t phase)
{
    vmm_machine *m = x->machine;
    vmm_plan *plan = x->plan;
    if (stopped(x))
        return 0;
    bool arrived = phase == VMM_PHASE_END, at_place = arrived || x->forbidden != VMM_ANY;
    vmm_ending e = {.phase = phase, .reason = at_place ? VMM_STOP_TRIGGER : m->stop.reason, .errors = m->trace.guest_errors != 0,
                    .code = at_place ? 0 : m->stop.code};
    x->length = plan->in_ns ? vmm_now(m) - x->origin_ns : machine_insns(m) - x->origin;
    x->ended = comes_to_its_end(x, arrived);
    e.late = x->ended && plan->deadline && x->length > plan->deadline;
    for (uint32_t i = 0; i < plan->terms; i++)
        e.terms |= (uint32_t)holds(x, i) << i;
    e.spins = !at_place && m->stop.reason == VMM_STOP_SLICE && spins(x);
    plan->tails++;
    watch_settle(&x->watch);
    if (plan->ask_each)
        watch_python(&x->watch);
    return asked(x, &e);
}

/* Through the rest of the window, and to the run's end behind it. */
uint32_t finish(exploration *x, bool in_window)
{
    unsigned aim = x->plan->until.kind != VMM_TRIGGER_FREE ? AT_UNTIL : 0;
    if (in_window && !counted_out(x)) {
        vmm_triggers_here(x->machine); /* whether the window ends where it stands is known */
        if (go_on(x, AT_END, time_left(x)) != AT_END)
            return judge(x, VMM_PHASE_WINDOW);
    }
    x->machine->current->reached_at = VMM_NEVER; /* the place behind it may be where it stands */
    return judge(x, go_on(x, aim, time_left(x)) == AT_UNTIL ? VMM_PHASE_END : VMM_PHASE_BEYOND);
}
