/*
 * Events packed for a log: each as its difference from the last one like it, its time as that from the last of any.
 * Of an event of the usual path that leaves four bytes, so that a long log costs neither time nor memory.
 *
 * An event is two bytes, which one it is like and one bit for each of its further words that differs; then the
 * differences, those of the words with their sign in bit 0: seven bits a byte, the lowest first, bit 7 set in all but the
 * last (LEB128: DWARF 5, section 7.6).
 */
#include "core/trace_pack.h"

enum { WORDS = EVENT_WORDS, FIRST = 2 /* behind the time */, LIKE_BITS = 6, LONGEST = 2 + 10 * WORDS };

_Static_assert(sizeof(vmm_event) == 80 && WORDS - FIRST + LIKE_BITS <= 16, "an event is whole words with a bit each");
_Static_assert(offsetof(vmm_event, count) < 8 * FIRST && offsetof(vmm_event, ns) < 8 * FIRST, "time comes first");
_Static_assert(2 * VMM_KINDS == 1 << LIKE_BITS, "every kind has a number");

/* Those of a kind whose values differ in bit 0, as a line's rises and falls, alternate: they are not like each other. */
static inline uint32_t like(const vmm_event *e)
{
    return e->kind % VMM_KINDS | (e->value & 1) * VMM_KINDS;
}

static uint64_t fold_sign(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static uint64_t unfold_sign(uint64_t folded)
{
    return folded >> 1 ^ (0 - (folded & 1));
}

static inline uint8_t *put(uint8_t *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

/* A loop over FIRST to WORDS - 1 would take twice as long. */
#define DIFFERS(i) ((uint32_t)(is[i] != was[i]) << ((i) - FIRST))

static inline uint8_t *pack(uint8_t *out, vmm_packed *p, const vmm_event *e, uint64_t insns, uint64_t ns)
{
    uint32_t which = like(e);
    const event_word *is = (const event_word *)e;
    event_word *was = (event_word *)&p->last[which];
    uint32_t differ = DIFFERS(2) | DIFFERS(3) | DIFFERS(4) | DIFFERS(5) | DIFFERS(6) | DIFFERS(7) | DIFFERS(8) | DIFFERS(9);
    *out++ = (uint8_t)(which | differ << LIKE_BITS);
    *out++ = (uint8_t)(differ >> (8 - LIKE_BITS));
    out = put(put(out, insns), ns);
    for (; differ; differ &= differ - 1) {
        uint32_t i = FIRST + (uint32_t)__builtin_ctz(differ);
        out = put(out, fold_sign(is[i] - was[i]));
        was[i] = is[i];
    }
    return out;
}

uint64_t vmm_pack(vmm_packed *p, const vmm_trace *t, uint64_t from, uint64_t to)
{
    const vmm_event *ring = t->ring;
    uint8_t *out = p->bytes + p->used, *end = p->bytes + p->size;
    uint64_t n = from, mask = t->capacity - 1, count = p->count, ns = p->ns;
    for (; n < to && end - out >= LONGEST; n++) {
        const vmm_event *e = &ring[n & mask];
        out = pack(out, p, e, e->count - count, e->ns - ns);
        count = e->count;
        ns = e->ns;
    }
    p->used = (uint32_t)(out - p->bytes);
    p->count = count;
    p->ns = ns;
    p->events += n - from;
    return n - from;
}

/* Most are of one byte. */
static inline uint64_t take(const uint8_t **in, const uint8_t *end)
{
    if (likely(*in < end) && likely(**in < 0x80))
        return *(*in)++;
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64 && *in < end; shift += 7) {
        uint8_t byte = *(*in)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

static inline const vmm_event *unpack(vmm_packed *p)
{
    const uint8_t *in = p->bytes + p->used, *end = p->bytes + p->size;
    uint32_t header = in[0] | (uint32_t)in[1] << 8;
    vmm_event *e = &p->last[header % (2 * VMM_KINDS)];
    in += 2;
    e->count = p->count += take(&in, end);
    e->ns = p->ns += take(&in, end);
    for (uint32_t differ = header >> LIKE_BITS & ((1u << (WORDS - FIRST)) - 1); differ; differ &= differ - 1)
        ((event_word *)e)[FIRST + __builtin_ctz(differ)] += unfold_sign(take(&in, end));
    p->used = (uint32_t)(in - p->bytes);
    return e;
}

static inline bool fits(const vmm_event *e, const vmm_wanted *w)
{
    return w->kinds >> e->kind % 32 & 1 && w->sources >> e->source % 32 & 1 && e->count >= w->since
        && (w->number < 0 || e->number == w->number) && (w->vcpu < 0 || e->vcpu == w->vcpu)
        && (w->pin < 0 || e->source_pin == w->pin);
}

const vmm_event *unpack_next(vmm_packed *p, const vmm_wanted *wanted)
{
    while (p->events && p->size - p->used >= 2) {
        const vmm_event *e = unpack(p);
        p->events--;
        if (fits(e, wanted))
            return e;
    }
    return NULL;
}

uint64_t vmm_unpack(vmm_packed *p, const vmm_wanted *wanted, vmm_event *out, uint64_t room)
{
    uint64_t found = 0;
    for (const vmm_event *e; found < room && (e = unpack_next(p, wanted)); found++)
        if (out)
            copy_event(&out[found], e);
    return found;
}
