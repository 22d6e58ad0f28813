#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/snapshot.h"
#include "explore/travel.h"

instant keep(exploration *x)
{
    vmm_machine *m = x->machine;
    if (m->host_calls != x->host_seen) {
        x->devices = x->plan->take(x->plan->handle);
        x->host_seen = m->host_calls;
    }
    stack_look(&x->stack);
    instant now = {vmm_snapshot_take(m), x->devices, x->stack.at};
    x->failed |= !now.native;
    return now;
}

void back_to(exploration *x, const instant *then)
{
    vmm_machine *m = x->machine;
    if (stopped(x))
        return;
    x->failed |= vmm_snapshot_restore(m, then->native) != 0;
    x->stack.at = then->stack_at;
    if (m->host_calls == x->host_seen && x->devices == then->devices)
        return;
    x->plan->put(x->plan->handle, then->devices);
    x->devices = then->devices;
    x->host_seen = m->host_calls;
}

void forget(instant *then)
{
    vmm_snapshot_free(then->native);
    then->native = NULL;
}

static bool out_of_time(exploration *x)
{
    struct timespec now = {0};
    if (x->plan->until_ns) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        x->plan->spent |= (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= x->plan->until_ns;
    }
    return x->plan->spent;
}

/* As `vmm_run`, but that the host's time is looked at now and then. */
static void run_for(exploration *x, uint64_t insns)
{
    enum { SLICE = 1 << 20 };
    vmm_machine *m = x->machine;
    for (; x->plan->until_ns && insns > SLICE; insns -= SLICE) {
        vmm_run(m, SLICE);
        if (m->stop.reason != VMM_STOP_SLICE || out_of_time(x))
            return;
    }
    vmm_run(m, insns);
}

/* Of terms that are about a place: the machine is to stop there. */
static uint32_t await_forbidden(const exploration *x, uint32_t count)
{
    vmm_triggers *triggers = &x->machine->triggers;
    for (uint32_t i = 0; i < x->plan->terms; i++)
        if (x->plan->term[i].kind == VMM_TERM_NEVER)
            triggers->slot[count++] = (vmm_trigger){.kind = VMM_TRIGGER_REACH, .at = x->plan->term[i].at, .vcpu = VMM_ANY};
    return count;
}

/* Where a run has ended by itself it comes to nothing more. */
static uint32_t forbidden_here(const exploration *x)
{
    const uint8_t reason = x->machine->stop.reason;
    for (uint32_t i = 0; i < x->plan->terms && (reason == VMM_STOP_TRIGGER || reason == VMM_STOP_SLICE); i++) {
        const vmm_trigger place = {.kind = VMM_TRIGGER_REACH, .at = x->plan->term[i].at, .vcpu = VMM_ANY};
        if (x->plan->term[i].kind == VMM_TERM_NEVER && at_address(x, &place))
            return i;
    }
    return VMM_ANY;
}

bool counted_out(const exploration *x)
{
    return x->plan->end.kind == VMM_TRIGGER_INSNS && x->plan->end.at <= machine_insns(x->machine);
}

/* It came to the window's end, a count: one that sleeps for ever from there on does so behind it. */
static bool came_to_count(const exploration *x, bool was_there)
{
    uint8_t reason = x->machine->stop.reason;
    return counted_out(x) && (reason == VMM_STOP_TRIGGER || reason == VMM_STOP_SLICE || (reason == VMM_STOP_IDLE && !was_there));
}

unsigned go(exploration *x, unsigned awaited, uint64_t insns)
{
    vmm_machine *m = x->machine;
    x->forbidden = VMM_ANY;
    if (stopped(x))
        return OVER;
    const vmm_trigger slots[SLOTS] = {
        x->plan->end, x->plan->until, {.kind = VMM_TRIGGER_EVERY, .vcpu = VMM_ANY},
        {.kind = VMM_TRIGGER_EVENT, .event = VMM_EV_RETURNED, .vcpu = VMM_ANY, .number = VMM_ANY, .value = VMM_ANY, .source = VMM_ANY},
        {.kind = VMM_TRIGGER_TURN, .vcpu = x->turn_of},
        {.kind = VMM_TRIGGER_EVENT, .event = VMM_EV_DELIVERED, .vcpu = VMM_ANY, .number = VMM_ANY, .value = VMM_ANY, .source = VMM_ANY},
        {.kind = VMM_TRIGGER_REACH, .at = x->again, .vcpu = VMM_ANY},
    };
    const unsigned rare = awaited & (AT_TURN | AT_DELIVERED) ? SLOT_AGAIN : SLOT_TURN;
    const unsigned count = awaited & AT_AGAIN ? SLOTS : rare; /* each is looked at again and again */
    for (unsigned i = 0; i < count; i++)
        m->triggers.slot[i] = awaited >> i & 1 ? slots[i] : (vmm_trigger){0};
    const bool was_there = counted_out(x);
    if (was_there) /* it would fire where the machine stands */
        m->triggers.slot[SLOT_END] = (vmm_trigger){0};
    m->triggers.count = await_forbidden(x, count);
    vmm_triggers_changed(m);
    run_for(x, insns);
    if (m->signalled || m->stop.reason == VMM_STOP_USER)
        x->broken_off = true;
    unsigned fired = 0;
    for (unsigned i = 0; i < count; i++)
        fired |= (unsigned)m->triggers.slot[i].fired << i;
    if (awaited & AT_END && came_to_count(x, was_there))
        fired |= AT_END;
    x->forbidden = forbidden_here(x);
    if (stopped(x) || x->forbidden != VMM_ANY)
        return OVER;
    if (fired)
        return fired;
    return m->stop.reason == VMM_STOP_SLICE ? IN_TIME : OVER;
}

/* Who sleeps there has not come there: when it is woken, what woke it comes first. */
bool at_address(const exploration *x, const vmm_trigger *t)
{
    vmm_vcpu *v = x->machine->current;
    return t->kind == VMM_TRIGGER_REACH && !v->halted && t->at == v->arch->pc(v) && (t->vcpu == VMM_ANY || t->vcpu == v->index);
}

/* Where a slice ends, nobody has asked yet for the address. */
unsigned step(exploration *x)
{
    vmm_triggers_here(x->machine);
    unsigned how = go(x, AT_EVERY | AT_END, 1);
    return !(how & OVER) && at_address(x, &x->plan->end) ? how | AT_END : how;
}

bool ends_here(const exploration *x)
{
    return counted_out(x) || at_address(x, &x->plan->end);
}

bool until_here(const exploration *x)
{
    return at_address(x, &x->plan->until);
}

bool may_run(exploration *x)
{
    vmm_plan *plan = x->plan;
    plan->spent |= plan->most_runs && plan->runs >= plan->most_runs;
    out_of_time(x);
    plan->runs += !plan->spent;
    return !plan->spent;
}

/* By the count, which states that are one have in common. */
uint64_t time_left(const exploration *x)
{
    uint64_t used = machine_insns(x->machine) - x->origin;
    return used < x->plan->patience ? x->plan->patience - used : 0;
}

uint32_t depth_of(const vmm_machine *m)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        depth += m->vcpus[i]->depth;
    return depth;
}

vmm_place place_here(const exploration *x, const vmm_place *before)
{
    const vmm_vcpu *v = x->machine->current;
    vmm_place here = {.insns = machine_insns(x->machine) - x->origin, .pc = v->arch->pc((vmm_vcpu *)v)};
    here.more = before && before->insns == here.insns ? before->more + 1 : 0;
    return here;
}

/* ---- pieces of a run ---- */

/* The boundary where the machine stands is one more of it. */
void piece_grow(exploration *x, piece *p, const vmm_place *before)
{
    if (p->count == p->room) {
        uint64_t room = p->room ? 2 * p->room : 2 * STRIDE;
        vmm_place *places = realloc(p->places, room * sizeof *places);
        instant *kept = places ? realloc(p->kept, room / STRIDE * sizeof *kept) : NULL;
        uint64_t *grown = kept ? realloc(p->grown, room * sizeof *grown) : NULL;
        if (places)
            p->places = places;
        if (kept)
            p->kept = kept;
        if (grown)
            p->grown = grown;
        if (!grown) {
            x->failed = fail(x->machine, "the host has no memory for the window");
            return;
        }
        p->room = room;
    }
    if (p->count % STRIDE == 0)
        p->kept[p->count / STRIDE] = keep(x);
    p->places[p->count] = place_here(x, p->count ? &p->places[p->count - 1] : before);
    p->grown[p->count] = stack_look(&x->stack);
    x->stack.since = 0;
    p->count++;
}

/* Its first boundary is one that has a place already; NULL: it has none. */
void piece_begin(exploration *x, piece *p, const vmm_place *at)
{
    piece_grow(x, p, NULL);
    if (at && p->count)
        p->places[0] = *at;
}

void piece_free(piece *p)
{
    for (uint64_t i = 0; i < p->count; i += STRIDE)
        forget(&p->kept[i / STRIDE]);
    free(p->places);
    free(p->kept);
    free(p->grown);
}

void stand_at(exploration *x, const piece *p, uint64_t i)
{
    const vmm_place *from = &p->places[i / STRIDE * STRIDE], *to = &p->places[i];
    back_to(x, &p->kept[i / STRIDE]);
    if (to->insns > from->insns)
        go(x, 0, to->insns - from->insns);
    for (uint32_t more = to->insns > from->insns ? 0 : from->more; more < to->more; more++)
        step(x);
}
