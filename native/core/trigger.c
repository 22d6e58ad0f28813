/*
 * What a run may stop for: an address, an event, an instruction count, a time, a shadow. Waiting costs a guest nothing
 * but a look into a small filter before each instruction, and a stop comes at the very boundary.
 */
#include "core/clock.h"
#include "core/line.h"
#include "core/stimulus.h"
#include "core/trigger.h"
#include "core/vcpu.h"

static bool is_for(const vmm_trigger *t, const vmm_vcpu *v)
{
    return t->vcpu == VMM_ANY || t->vcpu == v->index;
}

static void fire(vmm_vcpu *v, vmm_trigger *t)
{
    t->fired = 1;
    vcpu_request_stop(v, VMM_STOP_TRIGGER, (uint32_t)(t - v->machine->triggers.slot), v->arch->pc(v));
}

void trigger_accessed(vmm_vcpu *v, uint64_t physical, uint64_t size, bool write)
{
    enum { READ = 1, WRITTEN = 2 };
    vmm_triggers *triggers = &v->machine->triggers;
    for (uint32_t i = 0; i < triggers->count; i++) {
        vmm_trigger *t = &triggers->slot[i];
        bool overlaps = physical < t->at + t->number && t->at < physical + size;
        if (t->kind != VMM_TRIGGER_ACCESS || t->fired || !overlaps || !(t->value & (write ? WRITTEN : READ)) || !is_for(t, v))
            continue;
        t->seen = physical > t->at ? physical : t->at;
        t->source = write ? WRITTEN : READ;
        fire(v, t);
    }
}

static bool matches(uint32_t wanted, uint64_t found)
{
    return wanted == VMM_ANY || wanted == (uint32_t)found;
}

/* A boundary may be looked at more than once; it is one boundary until an instruction begins or something is delivered. */
void trigger_reached(vmm_vcpu *v, uint64_t pc)
{
    vmm_triggers *triggers = &v->machine->triggers;
    stimuli_reached(v->machine, pc);
    if (v->reached_at == v->count && v->reached_pc == pc)
        return;
    for (uint32_t i = 0; i < triggers->count; i++) {
        vmm_trigger *t = &triggers->slot[i];
        if (t->kind != VMM_TRIGGER_REACH || t->at != pc || t->fired || !is_for(t, v))
            continue;
        v->reached_at = v->count;
        v->reached_pc = pc;
        fire(v, t);
    }
}

void trigger_event(vmm_vcpu *v, const vmm_event *e)
{
    vmm_triggers *triggers = &v->machine->triggers;
    lines_event(v->machine, e);
    stimuli_event(v, e);
    for (uint32_t i = 0; i < triggers->count; i++) {
        vmm_trigger *t = &triggers->slot[i];
        if (t->kind == VMM_TRIGGER_HASHED && !t->fired && t->at <= v->machine->trace.hashed)
            fire(v, t);
        bool waits = t->kind == VMM_TRIGGER_EVENT && t->event == e->kind && !t->fired && is_for(t, v);
        if (!waits || !matches(t->number, e->number) || !matches(t->value, e->value) || !matches(t->source, e->source))
            continue;
        t->seen = v->machine->trace.emitted - 1;
        fire(v, t);
    }
}

void trigger_time(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    uint64_t insns = machine_insns(m), now = vcpu_now(v);
    if (insns < m->triggers.insns && now < m->triggers.ns && v->count < v->wake_at)
        return;
    for (uint32_t i = 0; i < m->triggers.count; i++) {
        vmm_trigger *t = &m->triggers.slot[i];
        uint64_t begun = t->vcpu == VMM_ANY ? insns : v->count;
        bool due = (t->kind == VMM_TRIGGER_INSNS && t->at <= begun) || (t->kind == VMM_TRIGGER_TIME && t->at <= now);
        if (due && !t->fired && is_for(t, v))
            fire(v, t);
    }
}

void trigger_boundary(vmm_vcpu *v)
{
    vmm_triggers *triggers = &v->machine->triggers;
    if (v->looked_at == v->count && v->looked_pc == v->arch->pc(v))
        return;
    v->looked_at = v->count;
    v->looked_pc = v->arch->pc(v);
    for (uint32_t i = 0; i < triggers->count; i++) {
        vmm_trigger *t = &triggers->slot[i];
        uint32_t shadow = t->kind == VMM_TRIGGER_SHADOW && v->arch->shadow ? (uint32_t)v->arch->shadow(v) : 0;
        bool here = t->kind == VMM_TRIGGER_EVERY || (shadow && matches(t->number, shadow));
        if (here && !t->fired && is_for(t, v))
            fire(v, t);
    }
}

void vmm_triggers_here(vmm_machine *m)
{
    vmm_vcpu *v = m->current;
    if (!v)
        return;
    v->reached_at = v->count;
    v->looked_at = v->halted ? VMM_NEVER : v->count; /* one that sleeps stands before the boundary at which it wakes */
    v->reached_pc = v->looked_pc = v->arch->pc(v);
}

bool trigger_awaits_turn(const vmm_machine *m)
{
    for (uint32_t i = 0; i < m->triggers.count; i++)
        if (m->triggers.slot[i].kind == VMM_TRIGGER_TURN && !m->triggers.slot[i].fired)
            return true;
    return false;
}

void trigger_turn(vmm_vcpu *v)
{
    vmm_triggers *triggers = &v->machine->triggers;
    for (uint32_t i = 0; i < triggers->count; i++) {
        vmm_trigger *t = &triggers->slot[i];
        if (t->kind == VMM_TRIGGER_TURN && !t->fired && is_for(t, v))
            fire(v, t);
    }
}

static void lower(uint64_t *earliest, uint64_t at)
{
    if (at < *earliest)
        *earliest = at;
}

static uint64_t with_behind(const uint64_t *filter, uint32_t word)
{
    uint64_t all = filter[word], before = filter[(word - 1) & (VMM_REACH_WORDS - 1)];
    for (unsigned bytes = 2; bytes <= VMM_SKIPPED; bytes += 2)
        all |= filter[word] << bytes | before >> (64 - bytes);
    return all;
}

/* What is derived from the slots: the filter of every vCPU, the earliest time, the events somebody waits for. */
void vmm_triggers_changed(vmm_machine *m)
{
    vmm_triggers *triggers = &m->triggers;
    uint64_t filter[VMM_REACH_WORDS] = {0};
    triggers->settings += triggers->settings == UINT32_MAX ? 2 : 1; /* 0 is none */
    triggers->insns = triggers->ns = VMM_NEVER;
    triggers->events = triggers->watched = 0;
    triggers->every = (uint8_t)(m->lines_served << 1);
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->wake_at = VMM_NEVER;
    if (triggers->count > VMM_MAX_TRIGGERS)
        triggers->count = VMM_MAX_TRIGGERS;
    for (uint32_t i = 0; i < triggers->count; i++) {
        const vmm_trigger *t = &triggers->slot[i];
        if (t->fired)
            continue;
        if (t->kind == VMM_TRIGGER_REACH)
            filter[reach_word(t->at)] |= reach_bit(t->at);
        else if (t->kind == VMM_TRIGGER_EVENT)
            triggers->events |= 1u << (t->event & 31);
        else if (t->kind == VMM_TRIGGER_HASHED)
            triggers->events = UINT32_MAX;
        else if (t->kind == VMM_TRIGGER_INSNS && t->vcpu < m->vcpu_count)
            lower(&m->vcpus[t->vcpu]->wake_at, t->at);
        else if (t->kind == VMM_TRIGGER_INSNS && t->vcpu == VMM_ANY)
            lower(&triggers->insns, t->at);
        else if (t->kind == VMM_TRIGGER_TIME)
            lower(&triggers->ns, t->at);
        bool watches = t->kind == VMM_TRIGGER_ACCESS;
        triggers->watched |= watches;
        /* What is accessed within a block of the fast gear is a boundary only where each is looked at. */
        triggers->every |= t->kind == VMM_TRIGGER_SHADOW || t->kind == VMM_TRIGGER_EVERY || (watches && m->fast);
    }
    stimuli_watch(m, triggers, filter);
    if (m->lines_wait)
        triggers->events |= 1u << VMM_EV_ACKNOWLEDGED;
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        bool any = false;
        for (uint32_t word = 0; word < VMM_REACH_WORDS; word++) {
            m->vcpus[i]->reach[word] = filter[word];
            m->vcpus[i]->reach_behind[word] = with_behind(filter, word);
            any |= filter[word] != 0;
        }
        m->vcpus[i]->awaits = any ? triggers->settings : 0;
        vcpu_rearm(m->vcpus[i]);
    }
}
