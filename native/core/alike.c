/*
 * Whether a machine is as a snapshot was. What no guest can see is left out: what the trace keeps (events, its hash,
 * latencies, handlers under way, when a request was made), what the present run waits for, and what is derived.
 */
#include <string.h>

#include "core/controller.h"
#include "core/snapshot.h"

enum { OF_THE_RUN = VMM_PEND_STOP | VMM_PEND_CODE };

static bool vcpu_alike(vmm_vcpu *v, const uint8_t *saved, bool later)
{
    const vmm_vcpu *then = (const vmm_vcpu *)saved; /* as far as ARCH_AT */
    bool turn = v == v->machine->current; /* else time and turn are counted anew when its next one begins, */
    bool same = (later || v->count == then->count) && v->preempted == then->preempted
             && (!turn || v->skew == then->skew)
             && (!(turn || v->preempted) || v->turn_end == then->turn_end) /* unless it has something left of the last */
             && ((v->pending ^ then->pending) & ~(uint32_t)OF_THE_RUN) == 0 && v->halted == then->halted
             && v->shutdown == then->shutdown && v->off == then->off && v->covered_page == then->covered_page
             && (!(v->pending & VMM_PEND_INJECT) || v->inject_vector == then->inject_vector);
    return same && v->arch->alike && v->arch->alike(v, saved + ARCH_AT, saved + unicorn_at(v));
}

static bool lines_alike(const vmm_line *a, const vmm_line *b)
{
    for (uint32_t i = 0; i < VMM_MAX_LINES; i++) {
        bool same = a[i].drivers == b[i].drivers && a[i].cut == b[i].cut && a[i].until_served == b[i].until_served
                 && a[i].served == b[i].served && a[i].until_taken == b[i].until_taken;
        if (!same)
            return false;
    }
    return true;
}

static bool timers_alike(const vmm_timer *a, const vmm_timer *b)
{
    for (uint32_t i = 0; i < VMM_MAX_TIMERS; i++) {
        bool idle = a[i].deadline == VMM_NEVER && b[i].deadline == VMM_NEVER;
        if (!idle && memcmp(&a[i], &b[i], sizeof *a) != 0)
            return false;
    }
    return true;
}

static bool stimuli_alike(const vmm_stimuli *a, const vmm_stimuli *b)
{
    return a->count == b->count && a->started == b->started && memcmp(a->slot, b->slot, a->count * sizeof *a->slot) == 0;
}

static bool answer_alike(const vmm_answer *a, const vmm_answer *b)
{
    return a->place == b->place && a->at == b->at && a->value == b->value;
}

static bool rest_alike(const vmm_machine *m, const vmm_machine *then)
{
    bool sleep = m->asleep == then->asleep && (!m->asleep || m->idle_from == then->idle_from);
    bool ends = m->ends.reason == then->ends.reason && m->ends.code == then->ends.code;
    return sleep && ends && m->current == then->current && m->elsewhere == then->elsewhere && m->dice == then->dice
        && m->flash_answers == then->flash_answers && m->trace.guest_errors == then->trace.guest_errors
        && answer_alike(&m->answer, &then->answer) && memcmp(m->sent, then->sent, sizeof m->sent) == 0 && lines_alike(m->lines, then->lines) && timers_alike(m->timers, then->timers)
        && stimuli_alike(&m->stimuli, &then->stimuli);
}

static bool controllers_alike(const vmm_machine *m, const vmm_snapshot *s)
{
    for (uint32_t row = 0; row < m->controller_count; row++) {
        const struct vmm_controller *controller = &m->controllers[row];
        const void *now = m->controller_state[row], *then = s->controllers[row];
        if (!now != !then)
            return false;
        if (now && !(controller->alike ? controller->alike(now, then) : memcmp(now, then, controller->state_bytes) == 0))
            return false;
    }
    return true;
}

static bool alike(vmm_machine *m, const vmm_snapshot *s, bool later)
{
    const vmm_machine *then = (const vmm_machine *)((uintptr_t)s->dynamic - DYNAMIC_AT); /* its dynamic part alone */
    if (m->vcpu_count != s->vcpu_count || !rest_alike(m, then) || !controllers_alike(m, s))
        return false;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (!vcpu_alike(m->vcpus[i], s->vcpus[i], later))
            return false;
    return true;
}

bool snapshot_alike(vmm_machine *m, const vmm_snapshot *s)
{
    return alike(m, s, false);
}

bool snapshot_alike_later(vmm_machine *m, const vmm_snapshot *s)
{
    return alike(m, s, true);
}

uint64_t snapshot_leftover(vmm_machine *m, const vmm_snapshot *s, uint32_t vcpu)
{
    vmm_vcpu *v = m->vcpus[vcpu];
    return v->arch->leftover ? v->arch->leftover(v, s->vcpus[vcpu] + unicorn_at(v)) : 0;
}
