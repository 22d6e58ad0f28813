/*
 * A record is known by its handler's instruction count and place: one that a full nest brought out of step, or a snapshot
 * from before somebody compared, belongs to nobody, and nothing is said of it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/compare.h"
#include "core/arch.h"
#include "core/trace.h"

typedef uint64_t pair __attribute__((vector_size(COMPARE_VECTOR), aligned(8), may_alias));

typedef struct {
    uint64_t count, pc; /* its handler's */
    vmm_registers found;
    vmm_frame frame;
    pair vectors[COMPARE_VECTORS];
    bool has_vectors;
} kept;

/* A delivery changes places with the record that its handler's had before: nothing so large is copied on the way. */
typedef struct {
    kept *now;
    kept *of[VMM_MAX_VCPUS][VMM_NEST];
    vmm_registers is; /* at a return */
    kept records[VMM_MAX_VCPUS * VMM_NEST + 1];
} all;

static all *all_of(const vmm_vcpu *v)
{
    return v->machine->compared;
}

static all *new_records(void)
{
    all *new = calloc(1, sizeof *new);
    if (!new)
        return NULL;
    kept *next = new->records;
    new->now = next++;
    for (uint32_t i = 0; i < VMM_MAX_VCPUS; i++)
        for (uint32_t depth = 0; depth < VMM_NEST; depth++)
            new->of[i][depth] = next++;
    return new;
}

static inline pair vector_at(const vmm_vectors *v, uint32_t n)
{
    return *(const pair *)(v->first + n * (size_t)v->apart);
}

int vmm_compare(vmm_machine *m, int on)
{
    if (on && !m->compared) {
        m->compared = new_records();
        return m->compared ? 0 : fail(m, "no memory to keep what handlers interrupt");
    }
    if (!on) {
        free(m->compared);
        m->compared = NULL;
    }
    return 0;
}

static void keep_vectors(kept *k, vmm_vectors is)
{
    k->has_vectors = is.first != NULL;
    for (uint32_t i = 0; k->has_vectors && i < is.count; i++)
        k->vectors[i] = vector_at(&is, i);
}

void compare_interrupted(vmm_vcpu *v)
{
    kept *now = all_of(v)->now;
    now->frame.size = 0;
    now->frame.at = 0;
    v->arch->keep(v, &now->found);
    keep_vectors(now, v->arch->vectors(v));
}

void compare_pushed(vmm_vcpu *v, const vmm_frame *frame)
{
    all_of(v)->now->frame = *frame;
}

static kept **innermost(vmm_vcpu *v)
{
    return &all_of(v)->of[v->index][v->depth - 1];
}

void compare_entered(vmm_vcpu *v)
{
    const vmm_handler *h = &v->nest[v->depth - 1];
    kept **place = innermost(v), *k = all_of(v)->now, *before = *place;
    k->count = h->count;
    k->pc = h->pc;
    *place = k;
    all_of(v)->now = before;
}

static const kept *of_returning(vmm_vcpu *v) /* NULL: nothing is known of it */
{
    if (!v->depth)
        return NULL;
    const vmm_handler *h = &v->nest[v->depth - 1];
    const kept *k = *innermost(v);
    return k->count == h->count && k->pc == h->pc ? k : NULL;
}

const uint64_t *vmm_interrupted(vmm_machine *m, uint32_t vcpu, uint32_t depth)
{
    if (!m->compared || vcpu >= m->vcpu_count || depth >= m->vcpus[vcpu]->depth)
        return NULL;
    const vmm_vcpu *v = m->vcpus[vcpu];
    const kept *k = all_of(v)->of[vcpu][depth];
    bool its = k->count == v->nest[depth].count && k->pc == v->nest[depth].pc;
    return its ? k->found.general : NULL;
}

static uint32_t under_way(const vmm_machine *m)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        count += m->vcpus[i]->depth;
    return count;
}

/* One behind the other, each vCPU's from the outermost on. */
bool compare_save(const vmm_machine *m, void **saved)
{
    uint32_t count = m->compared ? under_way(m) : 0;
    kept *to = *saved = count ? malloc(count * sizeof *to) : NULL;
    if (!to)
        return !count;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        for (uint32_t depth = 0; depth < m->vcpus[i]->depth; depth++)
            *to++ = *((const all *)m->compared)->of[i][depth];
    return true;
}

void compare_restore(vmm_machine *m, const void *saved)
{
    const kept *from = saved;
    if (!from || !m->compared)
        return;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        for (uint32_t depth = 0; depth < m->vcpus[i]->depth; depth++)
            *((all *)m->compared)->of[i][depth] = *from++;
}

static void tell(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value, uint64_t code)
{
    const vmm_handler *h = &v->nest[v->depth - 1];
    trace_derive(v, &(vmm_event){.kind = kind, .number = number, .value = value, .source = h->source,
                                 .source_pin = h->pin, .pc = h->pc, .sp = h->sp, .code = code});
}

static uint64_t slot(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;
    memcpy(&value, bytes, width);
    return value;
}

/* Slots in the order that x86 pushes them: the return address is the lowest. */
void compare_returns(vmm_vcpu *v, uint64_t sp)
{
    enum { NEAR = 64 };
    static const uint8_t PARTS[] = {VMM_FRAME_PC, VMM_FRAME_CS, VMM_FRAME_FLAGS, VMM_FRAME_SP, VMM_FRAME_SS};
    const kept *k = of_returning(v);
    if (!k || !k->frame.size)
        return;
    const vmm_frame *f = &k->frame;
    unsigned skipped = f->has_error ? f->width : 0, size = f->size - skipped;
    uint64_t from = f->at + skipped, off = sp > from ? sp - from : from - sp;
    uint8_t is[COMPARE_FRAME];
    if (off > NEAR || v->arch->look(v, sp, is, size) != size)
        return;
    uint32_t differs = off ? VMM_FRAME_PLACE : 0;
    for (unsigned i = 0; !off && i < sizeof PARTS && (i + 1) * f->width <= size; i++)
        if (memcmp(is + i * f->width, f->bytes + skipped + i * f->width, f->width) != 0)
            differs |= PARTS[i];
    if (differs)
        tell(v, VMM_EV_FRAME_CHANGED, differs, slot(is, f->width), trace_place(v));
}

static uint32_t which_general(const vmm_registers *was, const vmm_registers *is)
{
    uint32_t which = 0;
    for (uint32_t i = 0; i < COMPARE_GENERAL; i++)
        if (unlikely(was->general[i] != is->general[i]))
            which |= 1u << i;
    return which;
}

/* Whether any differs comes first, in one go: hardly ever one does. */
static bool vectors_differ(const kept *k, const vmm_vectors *is)
{
    pair differ = {0};
    for (uint32_t i = 0; i < is->count; i++)
        differ |= k->vectors[i] ^ vector_at(is, i);
    return differ[0] | differ[1];
}

static uint32_t which_vectors(const kept *k, const vmm_vectors *is)
{
    uint32_t which = 0;
    if (!k->has_vectors || !is->first || !vectors_differ(k, is))
        return 0;
    for (uint32_t i = 0; i < is->count; i++) {
        pair differ = k->vectors[i] ^ vector_at(is, i);
        uint32_t low = differ[0] != 0, high = differ[1] != 0;
        which |= is->are_pairs ? (low | high << 1) << 2 * i : (low | high) << i;
    }
    return which;
}

static uint64_t low_of_vector(const vmm_vectors *is, uint32_t n)
{
    return is->are_pairs ? vector_at(is, n / 2)[n % 2] : vector_at(is, n)[0];
}

static void lead(vmm_vcpu *v, const kept *k, uint64_t code, uint64_t pc, uint64_t flags)
{
    uint32_t differs = (pc != k->pc ? VMM_FRAME_PC : 0) | (flags != k->found.flags ? VMM_FRAME_FLAGS : 0);
    if (differs)
        tell(v, VMM_EV_FRAME_CHANGED, differs, pc, code);
}

void compare_leads(vmm_vcpu *v, uint64_t code, uint64_t sp, uint64_t pc, uint64_t flags)
{
    const kept *k = of_returning(v);
    if (k && sp == k->frame.at)
        lead(v, k, code, pc, flags);
}

/* Elsewhere, on another stack or in other page tables it is another's context, of which nothing is known. */
void compare_returned(vmm_vcpu *v, uint64_t pc, uint64_t sp, uint64_t flags)
{
    const kept *k = of_returning(v);
    const vmm_handler *h = &v->nest[v->depth - 1];
    if (!k || sp != h->sp)
        return;
    if (k->found.are_frame && !k->frame.at)
        lead(v, k, trace_place(v), pc, flags);
    vmm_registers *is = &all_of(v)->is;
    v->arch->keep(v, is);
    if (pc != h->pc || is->space != k->found.space)
        return;
    vmm_vectors now = v->arch->vectors(v);
    uint32_t general = which_general(&k->found, is), vectors = which_vectors(k, &now);
    if (general)
        tell(v, VMM_EV_REGISTERS_CHANGED, general, is->general[__builtin_ctz(general)], trace_place(v));
    if (vectors)
        tell(v, VMM_EV_VECTORS_CHANGED, vectors, low_of_vector(&now, (uint32_t)__builtin_ctz(vectors)), trace_place(v));
}
