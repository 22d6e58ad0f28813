/*
 * Runs that never end, for a state comes again. A machine whose state is one that it was in before goes on as it did then, and
 * comes there again; so what is left of the run's instructions is whole rounds and a part of one, and the rounds need not be
 * run. The run ends where, when and as it would have.
 *
 * Equal is all that a guest can see, but for how many instructions have begun, and what time it is. That makes no difference
 * where nothing waits for a time, neither timers nor stimuli, nobody has asked for it on the way round, and no device of
 * Python's was called, whose state is not looked at. With several vCPUs turns hang on it as well.
 */
#include <string.h>

#include "core/clock.h"
#include "core/snapshot.h"
#include "explore/travel.h"

enum { FIRST = 8192 /* instructions that are not looked at */, EACH = 256 /* so many for each look at a place */, MANY = 512 };

static bool waits_for_time(const vmm_machine *m)
{
    bool waits = m->stimuli.count || m->limit_insns != VMM_NEVER || m->limit_ns != VMM_NEVER;
    for (int i = 0; i < VMM_MAX_TIMERS && !waits; i++)
        waits = m->timers[i].deadline != VMM_NEVER;
    return waits;
}

static bool waits_for_count(const exploration *x)
{
    return x->plan->end.kind == VMM_TRIGGER_INSNS && !counted_out(x);
}

static bool may_come_again(const exploration *x)
{
    const vmm_machine *m = x->machine;
    return m->vcpu_count == 1 && !m->asleep && !waits_for_count(x) && !waits_for_time(m);
}

typedef struct {
    const vmm_machine *machine;
    bool differs;
} held;

static void page_differs(void *context, uint64_t page, const uint8_t *then)
{
    enum { PAGE = 4096 };
    static const uint8_t zeros[PAGE];
    held *d = context;
    d->differs |= memcmp(d->machine->ram + page * PAGE, then ? then : zeros, PAGE) != 0;
}

typedef struct {
    vmm_snapshot *state;
    uint64_t aftermath;
    uint64_t host_calls;
    uint64_t count;
} place_in_time;

static uint64_t aftermath(vmm_vcpu *v)
{
    return v->arch->aftermath ? v->arch->aftermath(v) : 0;
}

static bool is_again(vmm_machine *m, const place_in_time *then)
{
    held pages = {m, false};
    vmm_vcpu *v = m->current;
    bool same = v->count != then->count && !m->time_told && m->host_calls == then->host_calls && aftermath(v) == then->aftermath
             && snapshot_alike_later(m, then->state) && !(v->arch->leftover && snapshot_leftover(m, then->state, 0));
    if (same)
        snapshot_differences(m, then->state, page_differs, &pages);
    return same && !pages.differs;
}

/* Up to `most` instructions on, or to where the state is the present one: *round is then how many lie between. */
static unsigned round_from_here(exploration *x, unsigned awaited, uint64_t most, uint64_t looks, uint64_t *round)
{
    vmm_machine *m = x->machine;
    vmm_vcpu *v = m->current;
    bool arrives = (awaited & AT_END && ends_here(x)) || (awaited & AT_UNTIL && at_address(x, &x->plan->until));
    uint64_t from = machine_insns(m);
    *round = 0;
    if (arrives || !may_come_again(x))
        return go(x, awaited, most);
    place_in_time then = {vmm_snapshot_take(m), aftermath(v), m->host_calls, v->count};
    x->failed |= !then.state;
    x->again = v->arch->pc(v);
    m->time_told = 0;
    vmm_triggers_here(m);
    unsigned how = AT_AGAIN;
    for (uint64_t tries = 0; how == AT_AGAIN && !*round && !stopped(x); tries++) {
        uint64_t left = most - (machine_insns(m) - from);
        how = go(x, tries < looks ? awaited | AT_AGAIN : awaited, left);
        if (how & AT_AGAIN && how != AT_AGAIN)
            how &= ~(unsigned)AT_AGAIN;
        if (how == AT_AGAIN && may_come_again(x) && is_again(m, &then))
            *round = v->count - then.count;
    }
    vmm_snapshot_free(then.state);
    return how;
}

/* Whole rounds, of which as many as keep places in rings of the last instructions. */
static uint64_t leave_out(vmm_machine *m, uint64_t round, uint64_t left)
{
    vmm_vcpu *v = m->current;
    uint64_t rounds = left / round / VMM_RECENT * VMM_RECENT;
    v->event_count += v->event_count == v->count ? rounds * round : 0;
    v->count += rounds * round;
    vcpu_rearm(v);
    return left - rounds * round;
}

unsigned go_on(exploration *x, unsigned awaited, uint64_t insns)
{
    vmm_machine *m = x->machine;
    uint64_t end = machine_insns(m) + insns, round;
    if (insns <= FIRST)
        return go(x, awaited, insns);
    unsigned how = go(x, awaited, FIRST);
    for (uint64_t most = FIRST; how == IN_TIME && machine_insns(m) < end; most *= 2) {
        uint64_t left = end - machine_insns(m);
        how = round_from_here(x, awaited, most < left ? most : left, most / EACH, &round);
        if (!round)
            continue;
        vmm_triggers_here(m);
        return go(x, awaited, leave_out(m, round, end - machine_insns(m)));
    }
    return how;
}

/* Nobody is told of what lies behind the run's end. */
bool spins(exploration *x)
{
    vmm_machine *m = x->machine;
    vmm_stop_info stop = m->stop;
    uint64_t round = 0;
    instant here = keep(x);
    footprint *now = x->watch.now;
    stack_watch stack = x->stack;
    x->watch.now = NULL;
    x->stack.into = NULL;
    if (x->plan->patience > FIRST) /* else it costs more than the run */
        round_from_here(x, 0, FIRST, MANY, &round);
    x->watch.now = now;
    x->stack = stack;
    back_to(x, &here);
    forget(&here);
    m->stop = stop;
    return round != 0;
}
