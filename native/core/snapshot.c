/*
 * The machine as it is between two runs, taken and restored in microseconds.
 *
 * The structs are copied. Of RAM only what was written since the last snapshot was taken or restored, the base, is
 * copied; the rest a snapshot shares with its base. The ring of events, the histograms of latencies and flash follow RAM
 * as more pages.
 *
 * Translations that Unicorn has cached are no state: a restored vCPU begins with none, as after a broadcast
 * invalidation.
 */
#include <stdlib.h>
#include <string.h>

#include "core/compare.h"
#include "core/controller.h"
#include "core/pages.h"
#include "core/snapshot.h"
#include "core/trace.h"
#include "unicorn/uc.h"

/* ---- which events two histories share ---- */

static void moment_free(moment *at)
{
    while (at && !--at->references) {
        moment *parent = at->parent;
        free(at);
        at = parent;
    }
}

static moment *moment_after(const vmm_snapshot *base, uint64_t emitted)
{
    moment *now = malloc(sizeof *now), *parent = base ? base->moment : NULL;
    if (!now)
        return NULL;
    if (parent && base->references == 1 && parent->references == 1)
        parent = parent->parent; /* nobody can go back there, nor is anything else after it */
    *now = (moment){parent, 1, parent ? parent->depth + 1 : 0, emitted};
    if (parent)
        parent->references++;
    return now;
}

static uint64_t events_in_common(const moment *a, const moment *b)
{
    while (a && b && a != b) {
        if (a->depth >= b->depth)
            a = a->parent;
        else
            b = b->parent;
    }
    return a == b && a ? a->emitted : 0;
}

/* ---- pages: RAM, the ring of events, the histograms, flash ---- */

static uint64_t ram_pages(const vmm_machine *m)
{
    return m->ram_size / PAGE;
}

static uint64_t ring_pages(const vmm_machine *m)
{
    return m->trace.capacity * sizeof *m->trace.ring / PAGE;
}

static bool is_record(const vmm_machine *m, uint64_t page)
{
    return page >= ram_pages(m) && page < pages_before_flash(m);
}

static uint8_t *record_at(const vmm_machine *m, uint64_t page)
{
    page -= ram_pages(m);
    if (page < ring_pages(m))
        return (uint8_t *)m->trace.ring + page * PAGE;
    return m->histograms + (page - ring_pages(m)) * PAGE;
}

static const uint8_t *page_at(const vmm_machine *m, uint64_t page)
{
    if (page < ram_pages(m))
        return m->ram + page * PAGE;
    return is_record(m, page) ? record_at(m, page) : m->rom + (page - pages_before_flash(m)) * PAGE;
}

static const vmm_stat *stats_of(const vmm_snapshot *s)
{
    return (const vmm_stat *)(s->dynamic + offsetof(vmm_machine, stats) - DYNAMIC_AT);
}

static uint32_t stat_count_of(const vmm_snapshot *s)
{
    uint32_t count;
    memcpy(&count, s->dynamic + offsetof(vmm_machine, stat_count) - DYNAMIC_AT, sizeof count);
    return count;
}

/* Nobody tells of records as they are written: what was since the base follows from the counts. */
static void note_records(vmm_machine *m)
{
    const vmm_trace *t = &m->trace;
    uint64_t emitted = m->base ? m->base->moment->emitted : 0;
    uint32_t known = m->base ? stat_count_of(m->base) : 0;
    if (t->emitted - emitted > t->capacity)
        emitted = t->emitted - t->capacity;
    for (; emitted < t->emitted; emitted++) {
        uint64_t at = (emitted & (t->capacity - 1)) * sizeof *t->ring;
        page_written(m, ram_pages(m) + at / PAGE);
        page_written(m, ram_pages(m) + (at + sizeof *t->ring - 1) / PAGE);
    }
    for (uint32_t i = 0; i < m->stat_count; i++)
        if (i >= known || m->stats[i].delivered != stats_of(m->base)[i].delivered)
            for (uint64_t page = 0; page < HISTOGRAM_PAGES; page++)
                page_written(m, ram_pages(m) + ring_pages(m) + i * HISTOGRAM_PAGES + page);
}

static bool copy_pages(vmm_machine *m, page_tree *tree)
{
    for (uint32_t i = 0; i < m->pages.written_count; i++) {
        uint64_t page = m->pages.written[i];
        if (!tree_put(tree, page, page_at(m, page)))
            return false;
    }
    return true;
}

static void put_back(vmm_machine *m, uint64_t page, const uint8_t *bytes)
{
    static const uint8_t zeros[PAGE];
    if (page < ram_pages(m))
        page_restore(m, page, bytes ? bytes : zeros);
    else if (is_record(m, page))
        memcpy(record_at(m, page), bytes ? bytes : zeros, PAGE);
    else
        flash_page_restore(m, page - pages_before_flash(m), bytes);
}

static void differs(void *context, uint64_t page, const uint8_t *bytes)
{
    vmm_machine *m = context;
    if (!m->pages.dirty[page])
        put_back(m, page, bytes);
}

static void put_pages_back(vmm_machine *m, const vmm_snapshot *s)
{
    page_tree zeros = tree_for(1);
    for (uint32_t i = 0; i < m->pages.written_count; i++)
        put_back(m, m->pages.written[i], tree_page(&s->pages, m->pages.written[i]));
    tree_differences(m->base ? &m->base->pages : &zeros, &s->pages, differs, m);
}

typedef struct {
    vmm_machine *machine;
    page_visit *visit;
    void *context;
} comparison;

static void unwritten_differs(void *context, uint64_t page, const uint8_t *bytes)
{
    comparison *c = context;
    if (page < ram_pages(c->machine) && !c->machine->pages.dirty[page])
        c->visit(c->context, page, bytes);
}

void snapshot_differences(vmm_machine *m, const vmm_snapshot *s, page_visit *visit, void *context)
{
    page_tree zeros = tree_for(1);
    comparison c = {m, visit, context};
    for (uint32_t i = 0; i < m->pages.written_count; i++)
        if (m->pages.written[i] < ram_pages(m))
            visit(context, m->pages.written[i], tree_page(&s->pages, m->pages.written[i]));
    tree_differences(m->base ? &m->base->pages : &zeros, &s->pages, unwritten_differs, &c);
}

/* From here on what is written is told again. */
static void rebase(vmm_machine *m, vmm_snapshot *s)
{
    s->references++;
    vmm_snapshot_free(m->base);
    m->base = s;
    pages_settled(m);
}

/* ---- vCPUs: the core's part of one, its architecture's and Unicorn's, one behind the other ---- */

static bool save_vcpus(const vmm_machine *m, vmm_snapshot *s)
{
    for (; s->vcpu_count < m->vcpu_count; s->vcpu_count++) {
        const vmm_vcpu *v = m->vcpus[s->vcpu_count];
        uint8_t *saved = malloc(unicorn_at(v) + v->arch->state_size(v));
        if (!saved)
            return false;
        memcpy(saved, v, ARCH_AT);
        memcpy(saved + ARCH_AT, v->state, v->arch->dynamic_bytes);
        v->arch->save(v, saved + unicorn_at(v));
        s->vcpus[s->vcpu_count] = saved;
    }
    return true;
}

static void restore_vcpu(vmm_vcpu *v, const uint8_t *saved)
{
    memcpy(v, saved, ARCH_AT);
    memcpy(v->state, saved + ARCH_AT, v->arch->dynamic_bytes);
    v->arch->restore(v, saved + unicorn_at(v));
    uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
}

/* ---- controllers ---- */

static bool save_controllers(const vmm_machine *m, vmm_snapshot *s)
{
    for (uint32_t row = 0; row < m->controller_count; row++) {
        if (!m->controller_state[row])
            continue;
        s->controllers[row] = malloc(m->controllers[row].state_bytes);
        if (!s->controllers[row])
            return false;
        memcpy(s->controllers[row], m->controller_state[row], m->controllers[row].state_bytes);
    }
    return true;
}

static void restore_controllers(vmm_machine *m, const vmm_snapshot *s)
{
    for (uint32_t row = 0; row < m->controller_count; row++)
        if (s->controllers[row])
            memcpy(m->controller_state[row], s->controllers[row], m->controllers[row].state_bytes);
        else if (m->controller_state[row])
            controller_begin(m, row);
}

/* ---- calls ---- */

vmm_snapshot *vmm_snapshot_take(vmm_machine *m)
{
    if (m->running) {
        fail(m, "a snapshot can be taken only while the machine does not run");
        return NULL;
    }
    vmm_snapshot *s = calloc(1, sizeof *s);
    if (s) {
        note_records(m);
        s->references = 1;
        s->machine = m;
        s->pages = m->base ? tree_share(m->base->pages) : tree_for(pages_count(m));
        s->moment = moment_after(m->base, m->trace.emitted);
    }
    if (!s || !s->moment || !copy_pages(m, &s->pages) || !save_vcpus(m, s) || !save_controllers(m, s) || !compare_save(m, &s->compared)) {
        fail(m, "the host has no memory for a snapshot");
        vmm_snapshot_free(s);
        return NULL;
    }
    memcpy(s->dynamic, (const char *)m + DYNAMIC_AT, DYNAMIC_BYTES);
    rebase(m, s);
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->make_clean(m->vcpus[i]->cpu, (uintptr_t)m->ram, m->ram_size);
    return s;
}

/* The first event that a taker who had taken `taken` is to take next: those the two histories do not share come again. */
static uint64_t taken_still(const vmm_trace *t, uint64_t taken, uint64_t common)
{
    uint64_t next = taken < common ? taken : common, kept = t->emitted < t->capacity ? 0 : t->emitted - t->capacity;
    return next < kept ? kept : next;
}

static void restore_machine(vmm_machine *m, const vmm_snapshot *s)
{
    uint64_t common = events_in_common(m->base ? m->base->moment : NULL, s->moment);
    const vmm_trace live = m->trace;
    vmm_trace *t = &m->trace;
    memcpy((char *)m + DYNAMIC_AT, s->dynamic, DYNAMIC_BYTES);
    t->packer = live.packer;
    t->observed = live.observed;
    t->whole = live.whole;
    t->drained = taken_still(t, live.drained, common);
    t->packed = taken_still(t, live.packed, common);
    t->look_at = trace_recorded(m) ? t->emitted : VMM_NEVER;
}

int vmm_snapshot_restore(vmm_machine *m, vmm_snapshot *s)
{
    if (m->running)
        return fail(m, "a snapshot can be restored only while the machine does not run");
    if (s->machine != m)
        return fail(m, "this is a snapshot of another machine");
    if (m->gave_up)
        return fail(m, "the CPU emulator gave up in this machine: make another one");
    if (m->current)
        pages_settle(m->current);
    note_records(m);
    put_pages_back(m, s);
    restore_machine(m, s);
    restore_controllers(m, s);
    for (uint32_t i = 0; i < s->vcpu_count; i++)
        restore_vcpu(m->vcpus[i], s->vcpus[i]);
    compare_restore(m, s->compared);
    vmm_triggers_changed(m); /* what a script waits for now, not what one did then */
    rebase(m, s);
    return 0;
}

void vmm_snapshot_free(vmm_snapshot *s)
{
    if (!s || --s->references)
        return;
    for (uint32_t i = 0; i < s->vcpu_count; i++)
        free(s->vcpus[i]);
    for (uint32_t row = 0; row < VMM_MAX_CONTROLLERS; row++)
        free(s->controllers[row]);
    free(s->compared);
    tree_free(&s->pages);
    moment_free(s->moment);
    free(s);
}
