/*
 * Whose turn it is: vCPUs share one thread, round robin, a fixed number of instructions each. One clock counts for all,
 * so time never goes back for a guest that looks at it from two vCPUs; a vCPU that sleeps costs nothing.
 */
#include "api/vmm_outside.h"
#include "core/boundary.h"
#include "core/clock.h"
#include "core/pages.h"
#include "core/random.h"
#include "core/schedule.h"
#include "core/trigger.h"
#include "core/vcpu.h"

void new_turn(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (m->vcpu_count == 1) {
        v->turn_end = VMM_NEVER;
        return;
    }
    uint64_t length = m->seed ? m->quantum + draw(&m->dice) % (m->quantum + 1) : m->quantum;
    v->turn_end = v->count + length;
}

static bool awake(vmm_vcpu *v)
{
    return !v->off && (!v->halted || v->arch->wakes(v));
}

static bool is_alone(const vmm_vcpu *v)
{
    const vmm_machine *m = v->machine;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (m->vcpus[i] != v && awake(m->vcpus[i]))
            return false;
    return true;
}

/*
 * While nobody else is awake, one turn follows another and nothing comes of it: many are one then, until another vCPU may
 * have been woken. Who looks on would not find that out, for the turn then ends where it would have ended.
 */
static uint64_t turns_more(const vmm_machine *m)
{
    enum { AS_ONE = 1024 };
    return (uint64_t)m->quantum * (AS_ONE - 1);
}

static void take_many(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (m->vcpu_count == 1 || m->seed || trigger_awaits_turn(m) || !is_alone(v))
        return;
    m->many_turns = 1;
    v->turn_end += turns_more(m);
}

void turn_settle(vmm_machine *m)
{
    if (!m->many_turns)
        return;
    vmm_vcpu *v = m->current;
    m->many_turns = 0;
    v->turn_end -= turns_more(m);
    if (v->turn_end < v->count)
        v->turn_end += (v->count - v->turn_end + m->quantum - 1) / m->quantum * m->quantum;
}

void turn_give_up(vmm_vcpu *v)
{
    turn_settle(v->machine);
    v->turn_end = v->count;
    vcpu_rearm(v);
}

static void make_current(vmm_machine *m, vmm_vcpu *v)
{
    vmm_vcpu *before = m->current;
    if (v == before)
        return;
    pages_settle(before);
    uint64_t now = vcpu_now(before);
    m->elsewhere += before->count - v->count;
    m->current = v;
    v->looked_at = VMM_NEVER; /* where a turn begins is a boundary of its own, whoever looked there before */
    v->skew = now - v->count * m->insn_ns;
    if (v->arch->turn)
        v->arch->turn(v);
}

static void begin_turn(vmm_vcpu *v)
{
    if (!v->preempted)
        new_turn(v);
    v->preempted = 0;
    take_many(v);
}

/* The next in turn that is awake; the current one itself only if no other is. */
static vmm_vcpu *next_awake(vmm_machine *m)
{
    uint32_t from = m->current->index;
    for (uint32_t i = 1; i <= m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[(from + i) % m->vcpu_count];
        if (awake(v))
            return v;
    }
    return NULL;
}

static bool any_can_wake(const vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (!m->vcpus[i]->off && m->vcpus[i]->arch->can_wake(m->vcpus[i]))
            return true;
    return false;
}

/* Whose sleep a stop is about: the current one's, unless it was switched off and another sleeps. */
static vmm_vcpu *sleeper(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[(m->current->index + i) % m->vcpu_count];
        if (!v->off)
            return v;
    }
    return m->current;
}

/* How long it is in vain counts from here. */
static void sleeps_from_now(vmm_machine *m)
{
    m->idle_from = vmm_now(m);
    m->idle_occasions = m->stimuli.occasions;
}

void vmm_from_outside(vmm_machine *m)
{
    sleeps_from_now(m);
}

/*
 * All sleep: time jumps from deadline to deadline until one wakes. A stop on the way leaves no trace: the next run sleeps
 * on, even where what it stopped at woke one.
 */
static vmm_vcpu *sleep_until_awake(vmm_machine *m)
{
    vmm_vcpu *v = m->current;
    enum { OCCASIONS_IN_VAIN = 1000000 };
    if (!m->asleep) {
        m->asleep_since = vmm_now(m);
        sleeps_from_now(m);
    }
    m->asleep = 1;
    for (;;) {
        clock_expire(m);
        if (must_stop(v))
            return NULL;
        vmm_vcpu *woken = next_awake(m);
        if (woken) {
            m->asleep = 0;
            return woken;
        }
        bool masked = !any_can_wake(m), awaited = m->triggers.ns != VMM_NEVER;
        bool in_vain = vcpu_now(v) - m->idle_from > m->idle_ns || m->stimuli.occasions - m->idle_occasions > OCCASIONS_IN_VAIN;
        if (((masked || in_vain) && !awaited) || !clock_skip(v)) {
            sleeps_from_now(m);
            v = sleeper(m);
            vcpu_request_stop(v, VMM_STOP_IDLE, masked, v->arch->pc(v));
            return NULL;
        }
    }
}

/* A turn that ended between a load-exclusive and its store would undo the pair each time, were turns that short; of nobody
   else's, it would undo nothing. */
bool turn_is_over(vmm_vcpu *v)
{
    enum { LONGEST_EXCLUSIVE_LOOP = 128 };
    if (v->count < v->turn_end)
        return false;
    return !v->arch->monitors || v->count - v->turn_end >= LONGEST_EXCLUSIVE_LOOP || !v->arch->monitors(v) || is_alone(v);
}

vmm_vcpu *next_to_run(vmm_machine *m)
{
    vmm_vcpu *v = m->current;
    bool goes_on = !m->asleep && awake(v) && !turn_is_over(v);
    if (!goes_on) {
        turn_settle(m);
        if (!m->asleep && !v->off && must_stop(v)) /* else a stop that is due would find another vCPU the next time */
            return NULL;
        v = m->asleep ? NULL : next_awake(m);
        if (!v)
            v = sleep_until_awake(m);
        if (!v)
            return NULL;
        make_current(m, v);
        begin_turn(v);
        trigger_turn(v);
    }
    vcpu_rearm(v);
    return v;
}

int vmm_may_turn(const vmm_machine *m, uint32_t vcpu)
{
    return vcpu < m->vcpu_count && m->vcpus[vcpu] != m->current && !m->asleep && awake(m->vcpus[vcpu]);
}

int vmm_turn(vmm_machine *m, uint32_t vcpu)
{
    vmm_vcpu *before = m->current;
    if (m->running || !before || vcpu >= m->vcpu_count)
        return fail(m, "a turn is given to a vCPU of a machine that stands");
    if (vcpu == before->index)
        return 0;
    if (!vmm_may_turn(m, vcpu))
        return fail(m, "vCPU %u sleeps or is off: it cannot have the turn", vcpu);
    before->preempted = awake(before) && !turn_is_over(before);
    make_current(m, m->vcpus[vcpu]);
    begin_turn(m->current);
    vcpu_rearm(m->current);
    return 0;
}
