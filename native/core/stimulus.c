/*
 * Stimuli: interrupts out of nowhere, at times the core works out by itself. Each is one more deadline, and costs a guest
 * nothing before it is due. What several do at one boundary happens in the order they were started in.
 *
 * J. Regehr, "Random Testing of Interrupt-Driven Software" (EMSOFT 2005) tells requested interrupts, which only come when
 * software has asked for them, from spontaneous ones. Here software asks by unmasking the line's input in a controller,
 * or by being between two addresses; what is sent past all masks, without such a window, is spontaneous.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/controller.h"
#include "core/line.h"
#include "core/random.h"
#include "core/stimulus.h"
#include "core/trace.h"
#include "core/trigger.h"

struct vmm_times {
    struct vmm_times *next;
    uint64_t count;
    uint64_t at[];
};

static uint64_t later(uint64_t time, uint64_t by)
{
    return time < VMM_NEVER - by ? time + by : VMM_NEVER;
}

static uint64_t now_for(vmm_machine *m, const vmm_stimulus_plan *plan)
{
    return plan->in_insns ? machine_insns(m) : vmm_now(m);
}

/* ---- when ---- */

/*
 * An exponential variate times the mean. J. von Neumann, "Various Techniques Used in Connection with Random Digits"
 * (1951): of a descending run of uniform draws the first is kept if the run's length is odd, else the whole part grows;
 * comparisons alone, so every host agrees. What is below one time unit is carried to the next interval.
 */
static uint64_t exponential(vmm_stimulus *s)
{
    for (uint64_t whole = 0;; whole++) {
        uint64_t first = draw(&s->dice), last = first, next;
        bool odd = true;
        for (; (next = draw(&s->dice)) < last; last = next)
            odd = !odd;
        if (!odd)
            continue;
        unsigned __int128 part = (unsigned __int128)s->plan.period * first + s->fraction;
        unsigned __int128 interval = (unsigned __int128)s->plan.period * whole + (uint64_t)(part >> 64);
        s->fraction = (uint64_t)part;
        return interval < VMM_NEVER ? (uint64_t)interval : VMM_NEVER;
    }
}

static void schedule(vmm_stimulus *s, uint64_t at)
{
    s->at = s->occasions < s->plan.count && at < s->until ? at : VMM_NEVER;
}

static void schedule_next(vmm_stimulus *s)
{
    const vmm_stimulus_plan *plan = &s->plan;
    switch (plan->kind) {
    case VMM_STIMULUS_PERIODIC:
        schedule(s, later(s->at, plan->period));
        return;
    case VMM_STIMULUS_POISSON:
        schedule(s, later(s->at, exponential(s)));
        return;
    case VMM_STIMULUS_BURST:
        schedule(s, later(s->at, s->occasions % plan->size ? plan->period : plan->pause));
        return;
    case VMM_STIMULUS_SEQUENCE:
        schedule(s, s->occasions < s->times->count ? later(s->began, s->times->at[s->occasions]) : VMM_NEVER);
        return;
    case VMM_STIMULUS_STORM:
        s->at = VMM_NEVER;
        s->awaits = s->occasions < plan->count;
        return;
    }
}

static void find_earliest(vmm_machine *m)
{
    vmm_stimuli *all = &m->stimuli;
    all->ns = all->insns = VMM_NEVER;
    for (uint32_t i = 0; i < all->count; i++) {
        const vmm_stimulus *s = &all->slot[i];
        uint64_t at = s->at < s->lower_at ? s->at : s->lower_at;
        uint64_t *earliest = s->plan.in_insns ? &all->insns : &all->ns;
        if (at < *earliest)
            *earliest = at;
    }
}

/* ---- what ---- */

static bool is_requested(const vmm_machine *m, const vmm_stimulus *s)
{
    if (s->plan.armed == VMM_ARMED_BETWEEN)
        return s->open;
    return s->plan.target == VMM_TARGET_LINE && line_unmasked(m, s->plan.number);
}

static void lower(vmm_machine *m, vmm_stimulus *s)
{
    s->lower_at = VMM_NEVER;
    vmm_line_set(m, s->plan.number, VMM_STIMULUS_DRIVER, 0);
}

static void pulse(vmm_machine *m, vmm_stimulus *s, uint64_t now)
{
    const vmm_stimulus_plan *plan = &s->plan;
    switch (plan->target) {
    case VMM_TARGET_LINE:
        lower(m, s);
        if (plan->until_served)
            vmm_line_until_served(m, plan->number, VMM_STIMULUS_DRIVER);
        else
            vmm_line_set(m, plan->number, VMM_STIMULUS_DRIVER, 1);
        s->lower_at = plan->hold ? later(now, plan->hold) : VMM_NEVER;
        return;
    case VMM_TARGET_NMI:
        vmm_nmi(m, plan->number);
        return;
    case VMM_TARGET_INJECT:
        vmm_inject(m, plan->number, plan->vector);
        return;
    }
}

/* A storm that is held back has nothing to wait for: it tries again. */
static void hold_back(vmm_stimulus *s, uint64_t now)
{
    s->suppressed++;
    if (s->plan.kind == VMM_STIMULUS_STORM)
        schedule(s, later(now, s->plan.period ? s->plan.period : 1));
    else
        schedule_next(s);
}

static void occur(vmm_machine *m, vmm_stimulus *s, uint64_t now)
{
    bool requested = is_requested(m, s);
    s->occasions++;
    m->stimuli.occasions++;
    if (!requested && s->plan.armed != VMM_ARMED_ALWAYS) {
        hold_back(s, now);
        return;
    }
    *(requested ? &s->requested : &s->spontaneous) += 1;
    s->last = now;
    schedule_next(s);
    trace_note(m, VMM_EV_STIMULUS, (uint32_t)s->serial, requested);
    pulse(m, s, now);
}

void stimuli_expire(vmm_machine *m)
{
    vmm_stimuli *all = &m->stimuli;
    if (machine_insns(m) < all->insns && vmm_now(m) < all->ns)
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        vmm_stimulus *s = &all->slot[i];
        uint64_t now = now_for(m, &s->plan);
        if (s->lower_at <= now)
            lower(m, s);
        while (s->at <= now)
            occur(m, s, now);
    }
    find_earliest(m);
}

/* ---- what they are told ---- */

static bool concerns(const vmm_machine *m, const vmm_stimulus *s, const vmm_event *e)
{
    switch (s->plan.target) {
    case VMM_TARGET_LINE:
        return line_concerns(m, s->plan.number, e);
    case VMM_TARGET_NMI:
        return e->vcpu == s->plan.number && e->source == VMM_SRC_NMI;
    default:
        return e->vcpu == s->plan.number && e->source == VMM_SRC_SCRIPT && e->number == s->plan.vector;
    }
}

/* Never two pulses at one time: a guest that lets a handler be interrupted at once would not get anywhere. */
void stimuli_event(vmm_vcpu *v, const vmm_event *e)
{
    vmm_machine *m = v->machine;
    bool changed = false;
    for (uint32_t i = 0; i < m->stimuli.count; i++) {
        vmm_stimulus *s = &m->stimuli.slot[i];
        if (!s->awaits || s->plan.after != e->kind || !concerns(m, s, e))
            continue;
        uint64_t at = later(now_for(m, &s->plan), s->plan.period), soonest = later(s->last, 1);
        s->awaits = 0;
        schedule(s, at > soonest ? at : soonest);
        changed = true;
    }
    if (!changed)
        return;
    find_earliest(m);
    vcpu_rearm(m->current);
}

void stimuli_reached(vmm_machine *m, uint64_t pc)
{
    for (uint32_t i = 0; i < m->stimuli.count; i++) {
        vmm_stimulus *s = &m->stimuli.slot[i];
        if (s->plan.armed == VMM_ARMED_BETWEEN && (pc == s->plan.begin || pc == s->plan.end))
            s->open = pc == s->plan.begin;
    }
}

static bool is_over(const vmm_stimulus *s)
{
    return s->at == VMM_NEVER && s->lower_at == VMM_NEVER && !s->awaits;
}

void stimuli_watch(const vmm_machine *m, vmm_triggers *triggers, uint64_t *filter)
{
    for (uint32_t i = 0; i < m->stimuli.count; i++) {
        const vmm_stimulus *s = &m->stimuli.slot[i];
        if (is_over(s))
            continue;
        if (s->plan.kind == VMM_STIMULUS_STORM)
            triggers->events |= 1u << (s->plan.after & 31);
        if (s->plan.armed != VMM_ARMED_BETWEEN)
            continue;
        filter[reach_word(s->plan.begin)] |= reach_bit(s->plan.begin);
        filter[reach_word(s->plan.end)] |= reach_bit(s->plan.end);
    }
}

/* ---- a sleeping machine: what is counted in instructions waits, too ---- */

static bool may_come(const vmm_stimulus *s, uint8_t target)
{
    return s->plan.target == target && !s->plan.in_insns && s->at != VMM_NEVER;
}

bool stimuli_can_nmi(const vmm_vcpu *v)
{
    const vmm_stimuli *all = &v->machine->stimuli;
    for (uint32_t i = 0; i < all->count; i++)
        if (may_come(&all->slot[i], VMM_TARGET_NMI) && all->slot[i].plan.number == v->index)
            return true;
    return false;
}

bool stimuli_can_drive(const vmm_machine *m, const line_end *end)
{
    for (uint32_t i = 0; i < m->stimuli.count; i++) {
        const vmm_stimulus *s = &m->stimuli.slot[i];
        if (may_come(s, VMM_TARGET_LINE) && line_leads_to(m, s->plan.number, end))
            return true;
    }
    return false;
}

/* ---- starting and stopping ---- */

static bool times_descend(const uint64_t *times, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (times[i] < times[i - 1])
            return true;
    return false;
}

static bool stands_still(const vmm_stimulus_plan *plan)
{
    bool burst = plan->kind == VMM_STIMULUS_BURST;
    bool has_period = burst || plan->kind == VMM_STIMULUS_PERIODIC || plan->kind == VMM_STIMULUS_POISSON;
    return (has_period && !plan->period) || (burst && !(plan->size && plan->pause));
}

static bool can_follow(const vmm_stimulus_plan *plan)
{
    bool of_controller = plan->after == VMM_EV_ACKNOWLEDGED || plan->after == VMM_EV_ENDED;
    bool of_cpu = plan->after == VMM_EV_DELIVERED || plan->after == VMM_EV_RETURNED;
    return of_cpu || (of_controller && plan->target == VMM_TARGET_LINE);
}

/* The line that says why not, or NULL. */
static const char *flaw(const vmm_machine *m, const vmm_stimulus_plan *plan, const uint64_t *times, uint64_t count)
{
    bool line = plan->target == VMM_TARGET_LINE;
    if (plan->kind > VMM_STIMULUS_SEQUENCE || plan->target > VMM_TARGET_INJECT || plan->armed > VMM_ARMED_BETWEEN)
        return "there is no stimulus of this kind";
    if (plan->number >= (line ? VMM_MAX_LINES : m->vcpu_count) || plan->vector > 0xff)
        return "a stimulus needs a line, vCPU or vector that exists";
    if (stands_still(plan))
        return "a stimulus needs lengths of time above 0, and pulses in a burst";
    if (plan->kind == VMM_STIMULUS_SEQUENCE && (!count || times_descend(times, count)))
        return "a sequence needs times, none less than the one before it";
    if (plan->kind == VMM_STIMULUS_STORM && !can_follow(plan))
        return "a storm follows what its target has: no controller acknowledges or ends an NMI or an injected vector";
    if (plan->armed == VMM_ARMED_UNMASKED && !line)
        return "an NMI or an injected vector has no mask that could ask for it: name two addresses between which it may come";
    if (plan->armed == VMM_ARMED_BETWEEN && plan->begin == plan->end)
        return "between an address and itself a stimulus never comes";
    if (plan->hold && plan->until_served)
        return "a line is held for a time or until it is served";
    return (plan->hold || plan->until_served) && !line ? "only a line can be held" : NULL;
}

static int make_room(vmm_machine *m)
{
    vmm_stimuli *all = &m->stimuli;
    if (all->count < VMM_MAX_STIMULI)
        return 0;
    uint32_t oldest = 0;
    while (oldest < all->count && !is_over(&all->slot[oldest]))
        oldest++;
    if (oldest == all->count)
        return fail(m, "more than %d stimuli at a time", VMM_MAX_STIMULI);
    all->count--;
    memmove(&all->slot[oldest], &all->slot[oldest + 1], (all->count - oldest) * sizeof all->slot[0]);
    return 0;
}

/* Kept until the machine goes: a snapshot may bring back the stimulus that reads them. */
static const struct vmm_times *copy_times(vmm_machine *m, const uint64_t *times, uint64_t count)
{
    uint64_t kept = 0;
    for (const struct vmm_times *t = m->sequences; t; t = t->next)
        kept += t->count;
    struct vmm_times *t = count <= VMM_MAX_TIMES - kept ? malloc(sizeof *t + count * sizeof *times) : NULL;
    if (!t) {
        fail(m, "no room for %llu times: all sequences of a machine have %d at most", (unsigned long long)count, VMM_MAX_TIMES);
        return NULL;
    }
    *t = (struct vmm_times){.next = m->sequences, .count = count};
    memcpy(t->at, times, count * sizeof *times);
    m->sequences = t;
    return t;
}

void stimuli_free(vmm_machine *m)
{
    for (struct vmm_times *t = m->sequences, *next; t; t = next) {
        next = t->next;
        free(t);
    }
}

static void first_occasion(vmm_stimulus *s)
{
    if (s->plan.kind == VMM_STIMULUS_POISSON)
        schedule(s, later(s->began, exponential(s)));
    else
        schedule(s, s->times ? later(s->began, s->times->at[0]) : s->began);
}

int vmm_stimulate(vmm_machine *m, const vmm_stimulus_plan *plan, const uint64_t *times, uint64_t count)
{
    const char *why_not = flaw(m, plan, times, count);
    if (why_not)
        return fail(m, "%s", why_not);
    const struct vmm_times *kept = NULL;
    if (make_room(m) || (plan->kind == VMM_STIMULUS_SEQUENCE && !(kept = copy_times(m, times, count))))
        return -1;
    uint64_t now = now_for(m, plan);
    vmm_stimulus *s = &m->stimuli.slot[m->stimuli.count++];
    *s = (vmm_stimulus){.plan = *plan, .times = kept, .serial = m->stimuli.started++, .began = later(now, plan->start),
                        .until = later(now, plan->until), .lower_at = VMM_NEVER, .dice = plan->seed};
    first_occasion(s);
    find_earliest(m);
    vmm_triggers_changed(m);
    return 0;
}

const vmm_stimulus *vmm_stimulus_find(const vmm_machine *m, uint64_t serial)
{
    for (uint32_t i = 0; i < m->stimuli.count; i++)
        if (m->stimuli.slot[i].serial == serial)
            return &m->stimuli.slot[i];
    return NULL;
}

int vmm_stimulus_stop(vmm_machine *m, uint64_t serial)
{
    const vmm_stimulus *found = vmm_stimulus_find(m, serial);
    if (!found)
        return serial < m->stimuli.started ? 0 : fail(m, "there is no stimulus %llu", (unsigned long long)serial);
    vmm_stimulus *s = &m->stimuli.slot[found - m->stimuli.slot];
    s->at = VMM_NEVER;
    s->awaits = 0;
    if (s->lower_at != VMM_NEVER || s->plan.until_served)
        lower(m, s);
    find_earliest(m);
    vmm_triggers_changed(m);
    return 0;
}

/* Apart from the turns', whose sequence begins at the machine's seed itself. */
uint64_t vmm_stimulus_seed(const vmm_machine *m)
{
    uint64_t state = m->seed, own;
    own = draw(&state) + m->stimuli.started;
    return draw(&own);
}
