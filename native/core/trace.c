/*
 * The record of everything on an interrupt's path: a ring of events, a hash of all of them, counts and latencies.
 * The hash and the statistics are kept whether or not anybody records, so that recording can change nothing.
 */
#include <string.h>

#include "api/vmm_work.h"
#include "api/vmm_log.h"
#include "core/clock.h"
#include "core/console.h"
#include "core/pages.h"
#include "core/trace.h"
#include "core/trigger.h"

/* The 128-bit product folded: one multiplication mixes two words. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Pairs first, independent of each other; only the last step waits for the hash so far. Odd constants set places apart.
 * The words are put together from the fields, because reading back as words what was just written as bytes stalls.
 */
static inline __attribute__((always_inline)) uint64_t mix(uint64_t hash, const vmm_event *e, uint64_t count,
                                                      uint32_t vcpu)
{
    uint64_t what = e->number | (uint64_t)e->error << 32;
    uint64_t where = e->cs | (uint64_t)e->ss << 16 | (uint64_t)e->kind << 32 | (uint64_t)(uint8_t)vcpu << 40
                   | (uint64_t)e->source << 48 | (uint64_t)e->source_pin << 56;
    uint64_t pairs = fold(count ^ 0x9e3779b97f4a7c15, where ^ 0xbf58476d1ce4e5b9)
                   + fold(what ^ 0x94d049bb133111eb, e->value ^ 0xd6e8feb86659fd93);
    if (e->kind == VMM_EV_DELIVERED)
        pairs += fold(e->pc ^ 0xa0761d6478bd642f, e->sp ^ 0xe7037ed1a0b428db)
               + fold(e->flags ^ 0x8ebc6af09c88c6e3, (e->cpl | (uint64_t)e->has_error << 8 | (uint64_t)e->target_el << 16 | (uint64_t)e->vector_offset << 32) ^ 0x589965cc75374cc3);
    return fold(hash ^ 0x2d358dccaa6c78a5, pairs ^ 0x8bb84b93962eacc9);
}

enum { SPAN = 64 }; /* few enough to be in the nearest cache when they are packed */

static __attribute__((noinline)) void take_some(vmm_machine *m)
{
    vmm_trace *t = &m->trace;
    t->look_at = t->emitted + SPAN;
    bool full = t->observed && t->emitted - t->drained > t->capacity - SPAN;
    if (t->packer) {
        t->packed += vmm_pack(t->packer, t, t->packed, t->emitted);
        full |= t->packed < t->emitted;
    }
    if (full) {
        console_flush(m);
        m->host.drain(m->host.handle);
    }
}

/*
 * Inlined, so that of an event with few fields only those are mixed. The ring gets field by field what is on its way in
 * registers: a copy of a struct would read in large pieces what was just written in small ones, and stall.
 */
static inline __attribute__((always_inline)) void keep(vmm_vcpu *v, const vmm_event *e, bool hashed)
{
    vmm_machine *m = v->machine;
    vmm_trace *t = &m->trace;
    vmm_event *kept = &t->ring[t->emitted++ & (t->capacity - 1)];
    kept->count = machine_insns(m);
    kept->ns = vcpu_now(m->current);
    kept->pc = e->pc;
    kept->sp = e->sp;
    kept->value = e->value;
    kept->code = e->code;
    kept->number = e->number;
    kept->error = e->error;
    kept->flags = e->flags;
    kept->base = e->base;
    kept->cs = e->cs;
    kept->ss = e->ss;
    kept->vector_offset = e->vector_offset;
    kept->kind = e->kind;
    kept->vcpu = (uint8_t)v->index;
    kept->source = e->source;
    kept->source_pin = e->source_pin;
    kept->cpl = e->cpl;
    kept->has_error = e->has_error;
    kept->target_el = e->target_el;
    kept->depth = v->depth;
    if (hashed) {
        t->hash = mix(t->hash, e, kept->count, v->index);
        t->hashed++;
    }
    if (unlikely(m->triggers.events >> (e->kind & 31) & 1))
        trigger_event(v, kept);
    if (unlikely(t->emitted >= t->look_at))
        take_some(m);
}

void trace_emit(vmm_vcpu *v, const vmm_event *event)
{
    keep(v, event, true);
}

void trace_derive(vmm_vcpu *v, const vmm_event *event)
{
    keep(v, event, false);
}

void trace_note_of(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value)
{
    if (v->machine->current) /* else wiring and reset: nothing runs yet */
        keep(v, &(vmm_event){.kind = kind, .number = number, .value = value, .pc = trace_place(v)}, true);
}

void trace_derived(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value)
{
    keep(v, &(vmm_event){.kind = kind, .number = number, .value = value, .pc = trace_place(v)}, false);
}

void trace_note(vmm_machine *m, uint8_t kind, uint32_t number, uint64_t value)
{
    if (m->current)
        trace_note_of(m->current, kind, number, value);
}

void trace_note_request(vmm_machine *m, uint8_t kind, uint32_t number, uint64_t value, uint32_t flags)
{
    vmm_vcpu *v = m->current;
    if (v)
        keep(v, &(vmm_event){.kind = kind, .number = number, .value = value, .flags = flags, .pc = trace_place(v)}, true);
}

static void watch_masks(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->arch->watch_masks(m->vcpus[i]);
}

void vmm_trace_whole(vmm_machine *m, int on)
{
    m->trace.whole = on != 0;
    watch_masks(m);
}

void vmm_trace_record(vmm_machine *m, vmm_packed *packer, int observed)
{
    vmm_trace *t = &m->trace;
    if (!t->observed)
        t->drained = t->emitted;
    if (!t->packer)
        t->packed = t->emitted;
    t->packer = packer;
    t->observed = observed != 0;
    t->look_at = trace_recorded(m) ? t->emitted + SPAN : VMM_NEVER;
    watch_masks(m);
}

void vmm_work(vmm_machine *m, uint32_t line, uint64_t number, uint32_t what)
{
    if (m->current && trace_is_whole(m))
        trace_derived(m->current, VMM_EV_WORK, line, number << VMM_WORK_BITS | what);
}

void vmm_guest_error(vmm_machine *m, int what, uint64_t value)
{
    if (!m->current)
        return;
    vmm_vcpu *v = m->current;
    vmm_event event = {.kind = VMM_EV_GUEST_ERROR, .number = (uint32_t)what, .value = value, .pc = trace_place(v)};
    trace_emit(v, &event);
    vmm_trace *t = &m->trace;
    if (t->guest_errors < VMM_FIRST_ERRORS)
        t->first_errors[t->guest_errors] = t->ring[(t->emitted - 1) & (t->capacity - 1)];
    t->guest_errors++;
}

/* Exact below 1024; above, 64 buckets to an octave, so within 1/64 of the truth. */
static uint32_t bucket_of(uint64_t latency)
{
    if (latency < 1024)
        return (uint32_t)latency;
    uint32_t octave = 63u - (uint32_t)__builtin_clzll(latency);
    uint32_t index = 1024 + (octave - 10) * 64 + (uint32_t)(latency >> (octave - 6) & 63);
    return index < VMM_HISTOGRAM ? index : VMM_HISTOGRAM - 1;
}

static uint64_t bucket_low(uint32_t bucket)
{
    if (bucket < 1024)
        return bucket;
    uint32_t octave = 10 + (bucket - 1024) / 64;
    return (64 + (uint64_t)((bucket - 1024) % 64)) << (octave - 6);
}

static vmm_stat *stat_of(vmm_machine *m, uint8_t vcpu, uint32_t vector, uint8_t source, uint8_t pin)
{
    for (uint32_t i = 0; i < m->stat_count; i++) {
        vmm_stat *s = &m->stats[i];
        if (s->vector == vector && s->vcpu == vcpu && s->source == source && s->pin == pin)
            return s;
    }
    if (m->stat_count == VMM_MAX_STATS)
        return NULL;
    uint8_t *histogram = m->histograms + m->stat_count * HISTOGRAM_PAGES * PAGE;
    vmm_stat *s = &m->stats[m->stat_count++];
    *s = (vmm_stat){.vcpu = vcpu, .vector = vector, .source = source, .pin = pin, .latency_min = VMM_NEVER,
                    .histogram = (uint32_t *)histogram};
    return s;
}

void stat_delivered(vmm_vcpu *v, uint32_t vector, uint8_t source, uint8_t pin, uint64_t latency)
{
    vmm_stat *s = stat_of(v->machine, (uint8_t)v->index, vector, source, pin);
    if (!s)
        return;
    s->delivered++;
    s->histogram[bucket_of(latency)]++;
    if (latency < s->latency_min)
        s->latency_min = latency;
    if (latency > s->latency_max)
        s->latency_max = latency;
}

uint64_t vmm_latency_quantile(const vmm_stat *s, uint32_t permille)
{
    uint64_t wanted = (s->delivered * permille + 999) / 1000, seen = 0;
    for (uint32_t i = 0; i < VMM_HISTOGRAM; i++) {
        seen += s->histogram[i];
        if (seen && seen >= wanted)
            return bucket_low(i);
    }
    return 0;
}
