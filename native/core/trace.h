/* The record of events, as those write it who make them. */
#ifndef VMM_TRACE_H
#define VMM_TRACE_H

#include "core/vcpu.h"

/* Hashes and keeps the event, with its time, place and vcpu filled in; no note before anything runs: wiring, reset. */
void trace_emit(vmm_vcpu *v, const vmm_event *event);
void trace_note(vmm_machine *m, uint8_t kind, uint32_t number, uint64_t value); /* on the current vCPU */
void trace_note_request(vmm_machine *m, uint8_t kind, uint32_t number, uint64_t value, uint32_t flags); /* the same */
void trace_note_of(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value);
void trace_derive(vmm_vcpu *v, const vmm_event *event); /* keeps it, but does not hash it; so for the next */
void trace_derived(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value);

/*
 * Of an event that does not say where: the instruction that began last. What comes from outside while the machine stands
 * is at the boundary where it stands; and at power-on nothing has begun.
 */
static inline uint64_t trace_place(vmm_vcpu *v)
{
    return likely(v->machine->running && v->count) ? vcpu_here(v) : v->arch->pc(v);
}

static inline uint64_t trace_begun(vmm_vcpu *v) /* as while it runs */
{
    return v->count ? vcpu_here(v) : v->arch->pc(v);
}

static inline bool trace_recorded(const vmm_machine *m) /* somebody takes every event */
{
    return m->trace.packer || m->trace.observed;
}

static inline bool trace_is_whole(const vmm_machine *m) /* the derived ones are wanted, too */
{
    return trace_recorded(m) || m->trace.whole;
}

void stat_delivered(vmm_vcpu *v, uint32_t vector, uint8_t source, uint8_t pin, uint64_t latency);

#endif
