/* Virtual time: a fixed number of nanoseconds an instruction, plus what halted vCPUs skipped. */
#include <stdatomic.h>

#include "api/vmm_outside.h"
#include "core/arch.h"
#include "core/clock.h"
#include "core/console.h"
#include "core/line.h"
#include "core/schedule.h"
#include "core/stimulus.h"

uint64_t vmm_now(vmm_machine *m)
{
    m->time_told = 1;
    return m->current ? vcpu_now(m->current) : 0;
}

/* Rounded up, so that a tick is never early; 128 bits because ticks times 1e9 outgrow 64 after hours. What lies beyond
   virtual time never comes. */
static uint64_t tick_ns(const vmm_timer *t, uint64_t tick)
{
    unsigned __int128 numerator = (unsigned __int128)tick * 1000000000u * (uint32_t)t->hz_den;
    unsigned __int128 since = (numerator + t->hz_num - 1) / t->hz_num;
    return since < VMM_NEVER - t->origin ? t->origin + (uint64_t)since : VMM_NEVER;
}

static uint64_t later(uint64_t deadline, uint64_t ns)
{
    return ns < VMM_NEVER - deadline ? deadline + ns : VMM_NEVER;
}

/* A wave's falling edge interrupts nobody: what is late is its rising. */
static uint64_t due_at(const vmm_timer *t)
{
    bool falls = t->kind == VMM_TIMER_WAVE && t->level;
    return falls ? t->deadline : later(t->deadline, t->late);
}

static void find_next_deadline(vmm_machine *m)
{
    uint64_t next = VMM_NEVER;
    for (int i = 0; i < VMM_MAX_TIMERS; i++)
        if (due_at(&m->timers[i]) < next)
            next = due_at(&m->timers[i]);
    m->next_deadline = next;
}

static void deadlines_changed(vmm_machine *m)
{
    find_next_deadline(m);
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        vcpu_rearm(m->vcpus[i]);
}

/* Another deadline is in time. */
static void set_deadline(vmm_timer *t, uint64_t deadline)
{
    t->late = t->deadline == deadline ? t->late : 0;
    t->deadline = deadline;
}

void vmm_timer_set(vmm_machine *m, uint32_t timer, uint64_t deadline)
{
    vmm_timer *t = &m->timers[timer % VMM_MAX_TIMERS];
    t->kind = VMM_TIMER_CALL;
    set_deadline(t, deadline);
    deadlines_changed(m);
}

void timer_native(vmm_machine *m, uint32_t timer, uint64_t deadline)
{
    vmm_timer *t = &m->timers[timer % VMM_MAX_TIMERS];
    bool unchanged = t->deadline == deadline;
    t->kind = VMM_TIMER_NATIVE;
    set_deadline(t, deadline);
    if (!unchanged)
        deadlines_changed(m);
}

void vmm_timer_wave(vmm_machine *m, uint32_t timer)
{
    vmm_timer *t = &m->timers[timer % VMM_MAX_TIMERS];
    t->kind = VMM_TIMER_WAVE;
    t->deadline = t->toggles ? tick_ns(t, t->tick) : VMM_NEVER;
    t->late = 0;
    vmm_line_set(m, t->line, t->driver, t->level);
    deadlines_changed(m);
}

static void toggle(vmm_machine *m, vmm_timer *t)
{
    t->level = !t->level;
    if (t->level)
        t->late = 0;
    uint64_t phase = t->level ? t->high_ticks : t->low_ticks;
    if (t->toggles != VMM_FOREVER)
        t->toggles--;
    phase = phase ? phase : 1;
    t->tick = phase < VMM_NEVER - t->tick ? t->tick + phase : VMM_NEVER;
    t->deadline = t->toggles ? tick_ns(t, t->tick) : VMM_NEVER;
    vmm_line_set(m, t->line, t->driver, t->level);
}

bool wave_level(const vmm_timer *t, uint64_t now)
{
    if (!t->toggles || now < tick_ns(t, t->tick))
        return t->level;
    uint64_t ticks = (uint64_t)((unsigned __int128)(now - t->origin) * t->hz_num / (1000000000u * t->hz_den));
    uint64_t phases[2] = {t->low_ticks ? t->low_ticks : 1, t->high_ticks ? t->high_ticks : 1};
    uint64_t since = ticks - t->tick, cycle = phases[0] + phases[1];
    uint64_t toggles = 1 + since / cycle * 2 + (since % cycle >= phases[!t->level]);
    if (t->toggles != VMM_FOREVER && toggles > t->toggles)
        toggles = t->toggles;
    return t->level ^ (toggles & 1);
}

/* The due timer with the earliest deadline; equal deadlines fire in the order of their numbers. */
static vmm_timer *due(vmm_machine *m, uint64_t now)
{
    vmm_timer *first = NULL;
    for (int i = 0; i < VMM_MAX_TIMERS; i++) {
        vmm_timer *t = &m->timers[i];
        if (due_at(t) <= now && (!first || due_at(t) < due_at(first)))
            first = t;
    }
    return first;
}

static void native_expired(vmm_machine *m, uint32_t timer)
{
    uint32_t slot = VMM_MAX_TIMERS - 1 - timer, index = slot / TIMERS_PER_VCPU;
    if (index < m->vcpu_count)
        m->vcpus[index]->arch->timer_expired(m->vcpus[index], slot % TIMERS_PER_VCPU);
}

static void timers_expire(vmm_machine *m)
{
    uint64_t now = vcpu_now(m->current);
    if (now < m->next_deadline)
        return;
    for (vmm_timer *t; (t = due(m, now));) {
        if (t->kind == VMM_TIMER_WAVE) {
            toggle(m, t);
            continue;
        }
        set_deadline(t, VMM_NEVER);
        if (t->kind == VMM_TIMER_NATIVE)
            native_expired(m, (uint32_t)(t - m->timers));
        else {
            const vmm_host *host = host_asked(m);
            host->timer(host->handle, (uint32_t)(t - m->timers));
        }
    }
    find_next_deadline(m);
}

void clock_expire(vmm_machine *m)
{
    timers_expire(m);
    if (unlikely(m->lines_served))
        lines_let_go(m);
    if (m->stimuli.count)
        stimuli_expire(m);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void vcpu_rearm(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (unlikely(m->many_turns) && v != m->current) { /* it may be awake now */
        turn_settle(m);
        vcpu_rearm(m->current);
    }
    if (v->pending & ~v->held || m->triggers.every || v->flush_code) {
        v->attention_at = 0;
        return;
    }
    uint64_t at = least(least(m->slice_end, m->limit_insns), least(m->triggers.insns, m->stimuli.insns));
    at = at == VMM_NEVER ? at : at - m->elsewhere;
    at = least(at, least(v->turn_end, v->wake_at));
    uint64_t deadline = least(least(m->next_deadline, m->limit_ns), least(m->triggers.ns, m->stimuli.ns));
    if (deadline != VMM_NEVER) {
        uint64_t left = deadline > v->skew ? deadline - v->skew : 0;
        if (left != v->rearmed_ns) { /* a division on every step of an interrupt's way would be felt */
            v->rearmed_ns = left;
            v->rearmed_count = left / m->insn_ns + (left % m->insn_ns != 0);
        }
        if (v->rearmed_count < at)
            at = v->rearmed_count;
    }
    v->attention_at = at;
    atomic_signal_fence(memory_order_seq_cst); /* a signal's handler sets this flag, then attention_at */
    if (unlikely(__atomic_load_n(&m->signalled, __ATOMIC_RELAXED)))
        v->attention_at = 0;
}

bool clock_skip(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    uint64_t next = least(m->next_deadline, least(m->triggers.ns, m->stimuli.ns)), target = least(next, m->limit_ns);
    if (next == VMM_NEVER)
        return false;
    uint64_t now = vcpu_now(v);
    if (target > now)
        v->skew += target - now;
    return true;
}

/* Of a wave that is high the next rising edge counts. */
static uint64_t occasion(const vmm_timer *t)
{
    if (t->deadline == VMM_NEVER || t->kind != VMM_TIMER_WAVE || !t->level)
        return due_at(t);
    uint64_t low = t->low_ticks ? t->low_ticks : 1;
    return t->toggles > 1 && low < VMM_NEVER - t->tick ? later(tick_ns(t, t->tick + low), t->late) : VMM_NEVER;
}

/* The first of those that are equally early, as they expire. */
static const vmm_timer *next_timer(const vmm_machine *m)
{
    const vmm_timer *next = m->timers;
    for (int i = 1; i < VMM_MAX_TIMERS; i++)
        if (occasion(&m->timers[i]) < occasion(next))
            next = &m->timers[i];
    return next;
}

uint64_t vmm_next_timer(const vmm_machine *m)
{
    return occasion(next_timer(m));
}

int vmm_timer_is_next(const vmm_machine *m)
{
    uint64_t next = vmm_next_timer(m);
    return next != VMM_NEVER && (m->current->halted || next <= later(vcpu_now(m->current), m->insn_ns));
}

int vmm_skip_to_timer(vmm_machine *m)
{
    uint64_t next = vmm_next_timer(m);
    if (m->running || !m->current || next == VMM_NEVER)
        return fail(m, "no timer runs to whose deadline time could pass");
    uint64_t now = vmm_now(m);
    m->current->skew += next > now ? next - now : 0;
    vcpu_rearm(m->current);
    return 0;
}

int vmm_delay_timer(vmm_machine *m, uint64_t insns)
{
    if (m->running || !m->current || vmm_next_timer(m) == VMM_NEVER)
        return fail(m, "no timer runs that could be late");
    vmm_timer *t = &m->timers[next_timer(m) - m->timers];
    t->late = later(t->late, insns < VMM_NEVER / m->insn_ns ? insns * m->insn_ns : VMM_NEVER);
    deadlines_changed(m);
    return 0;
}
