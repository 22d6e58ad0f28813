/*
 * Translated code follows the memory it came from, whoever writes there: another vCPU, event delivery, a device, a
 * script.
 *
 * SDM vol. 3A 8.1.3: a processor may go on with old code until it executes a serializing instruction. vCPUs take turns,
 * so what one wrote is settled when its turn ends. A page that holds code is compared, line by line, with what it held
 * before: data beside code costs a look, no new translation.
 */
#include <string.h>

#include "core/arch.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/pages.h"
#include "core/tables.h"
#include "core/trace.h"
#include "core/boundary.h"
#include "core/watch.h"
#include "unicorn/uc_pages.h"

enum { LINE = 64 };

static uint32_t bit_of(const vmm_vcpu *v)
{
    return 1u << v->index;
}

static bool several(const vmm_machine *m)
{
    return m->vcpu_count > 1;
}

/* ---- what was written ---- */

uint64_t pages_before_flash(const vmm_machine *m)
{
    return m->ram_size / PAGE + m->trace.capacity * sizeof *m->trace.ring / PAGE + VMM_MAX_STATS * HISTOGRAM_PAGES;
}

uint64_t pages_count(const vmm_machine *m)
{
    return pages_before_flash(m) + m->rom_size / PAGE;
}

void page_written(vmm_machine *m, uint64_t page)
{
    vmm_pages *pages = &m->pages;
    if (pages->dirty[page])
        return;
    pages->dirty[page] = 1;
    pages->written[pages->written_count++] = (uint32_t)page;
}

void pages_settled(vmm_machine *m)
{
    vmm_pages *pages = &m->pages;
    while (pages->written_count)
        pages->dirty[pages->written[--pages->written_count]] = 0;
}

/* ---- a word that is guarded ---- */

static bool is_guarded(const vmm_machine *m, uint64_t offset)
{
    return m->guard_size && offset / PAGE == m->guard_at / PAGE;
}

static void note_guard(vmm_vcpu *v, uint64_t offset, uint64_t size)
{
    vmm_machine *m = v->machine;
    if (offset < m->guard_at + m->guard_size && m->guard_at < offset + size)
        trace_derived(v, VMM_EV_GUARD_STORED, 0, m->ram_base + offset);
}

int vmm_guard(vmm_machine *m, uint64_t linear, uint8_t size)
{
    uint64_t offset = size ? vmm_physical(m->vcpus[0], linear) - m->ram_base : 0;
    m->guard_size = 0;
    if (!size)
        return 0;
    if (offset >= m->ram_size || size > PAGE - offset % PAGE)
        return fail(m, "no stores are told of at %#llx: nothing is mapped there, or no RAM", (unsigned long long)linear);
    m->guard_at = offset;
    m->guard_size = size;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->make_clean(m->vcpus[i]->cpu, (uintptr_t)(m->ram + offset / PAGE * PAGE), PAGE);
    return 0;
}

/* ---- from Unicorn ---- */

void page_has_code(vmm_vcpu *v, uint64_t offset)
{
    vmm_machine *m = v->machine;
    uint64_t page = offset / PAGE;
    if (offset >= m->ram_size) {
        m->pages.flash_code |= (uint8_t)bit_of(v);
        return;
    }
    if (several(m) && !m->pages.code[page])
        memcpy(m->pages.copy + page * PAGE, m->ram + page * PAGE, PAGE);
    m->pages.code[page] |= (uint8_t)bit_of(v);
    m->pages.untold[page] = 1;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->make_clean(m->vcpus[i]->cpu, (uintptr_t)(m->ram + page * PAGE), PAGE);
}

void page_code_gone(vmm_vcpu *v, uint64_t offset)
{
    vmm_machine *m = v->machine;
    if (offset < m->ram_size)
        m->pages.code[offset / PAGE] &= (uint8_t)~bit_of(v);
}

const uint8_t *page_may_be_dirty(const vmm_vcpu *v, uint64_t offset)
{
    const vmm_machine *m = v->machine;
    bool must_be_told = offset >= m->ram_size || m->pages.code[offset / PAGE] & bit_of(v) || m->pages.tables[offset / PAGE] || is_guarded(m, offset);
    return must_be_told ? NULL : m->ram + offset / PAGE * PAGE;
}

static void note(vmm_pages *pages, uint32_t page)
{
    if (pages->noted_count && pages->noted[pages->noted_count - 1] == page)
        return;
    if (pages->noted_count < VMM_NOTED_PAGES)
        pages->noted[pages->noted_count++] = page;
    else
        pages->overflowed = 1;
}

void page_stores(vmm_vcpu *v, uint64_t offset, uintptr_t host_pc)
{
    const vmm_machine *m = v->machine;
    if (!v->block || !host_pc || offset >= m->ram_size)
        return;
    if (m->pages.code[offset / PAGE] & bit_of(v) || m->pages.tables[offset / PAGE] || is_guarded(m, offset))
        v->arch->settles(v, host_pc);
}

void page_stored_by_guest(vmm_vcpu *v, uint64_t offset, uint64_t size)
{
    vmm_pages *pages = &v->machine->pages;
    if (offset >= v->machine->ram_size)
        return;
    page_written(v->machine, offset / PAGE);
    if (unlikely(is_guarded(v->machine, offset)))
        note_guard(v, offset, size);
    if (pages->tables[offset / PAGE])
        table_stored(v->machine, offset, size);
    if (pages->code[offset / PAGE] & ~bit_of(v))
        note(pages, (uint32_t)(offset / PAGE));
}

void page_block_dropped(vmm_vcpu *v)
{
    v->pending |= VMM_PEND_CODE;
    vcpu_rearm(v);
}

bool page_code_left(vmm_vcpu *v)
{
    bool leaves = v->pending & VMM_PEND_CODE;
    v->pending &= ~(uint32_t)VMM_PEND_CODE;
    bool for_good = v->flush_code || v->flush_tlb; /* that is done outside */
    if (for_good)
        vcpu_leave(v);
    return leaves || for_good;
}

/* ---- settling ---- */

static void drop(vmm_machine *m, uint64_t offset, uint64_t size, uint32_t whose)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (whose >> i & 1)
            uc_pages_drop_code(m->vcpus[i], offset, offset + size);
}

/* Where `from` and `to` differ, `to` becomes the same, and code translated from there goes. */
static void follow(vmm_machine *m, uint64_t page, uint8_t *to, const uint8_t *from, uint32_t whose)
{
    for (uint32_t at = 0; at < PAGE; at += LINE) {
        if (memcmp(from + at, to + at, LINE) == 0)
            continue;
        drop(m, page * PAGE + at, LINE, whose);
        memcpy(to + at, from + at, LINE);
    }
}

static void compare(vmm_vcpu *writer, uint64_t page)
{
    vmm_machine *m = writer->machine;
    uint8_t *now = m->ram + page * PAGE, *before = m->pages.copy + page * PAGE;
    writer->make_clean(writer->cpu, (uintptr_t)now, PAGE);
    if (memcmp(now, before, PAGE) != 0)
        follow(m, page, before, now, m->pages.code[page] & ~bit_of(writer));
}

void pages_settle(vmm_vcpu *writer)
{
    vmm_machine *m = writer->machine;
    vmm_pages *pages = &m->pages;
    if (pages->overflowed) {
        for (uint64_t page = 0; page < m->ram_size / PAGE; page++)
            if (pages->code[page] & ~bit_of(writer))
                compare(writer, page);
    } else {
        for (uint32_t i = 0; i < pages->noted_count; i++)
            compare(writer, pages->noted[i]);
    }
    pages->noted_count = 0;
    pages->overflowed = 0;
}

/* ---- from everybody else ---- */

/* Seldom enough: all that was translated goes, if any of it came from flash. */
void pages_drop_flash(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        if (!(m->pages.flash_code >> i & 1))
            continue;
        m->vcpus[i]->flush_code = 1;
        vcpu_rearm(m->vcpus[i]);
    }
    m->pages.flash_code = 0;
}

static void flash_written(vmm_machine *m, uint64_t physical, uint64_t size)
{
    if (!size)
        return;
    for (uint64_t page = physical / PAGE; page <= (physical + size - 1) / PAGE; page++)
        page_written(m, pages_before_flash(m) + page);
    pages_drop_flash(m);
}

void vmm_memory_written(vmm_machine *m, uint64_t physical, uint64_t size)
{
    uint64_t in_alias = physical - m->alias_first;
    uint64_t offset = (in_alias < m->alias_size ? m->alias_of + in_alias : physical) - m->ram_base;
    if (unlikely(m->triggers.watched))
        watch_written(m, physical, size);
    if (offset >= m->ram_size || size > m->ram_size - offset) {
        flash_written(m, physical, size);
        return;
    }
    for (uint64_t at = offset & ~(uint64_t)(PAGE - 1); at < offset + size; at += PAGE) {
        page_written(m, at / PAGE);
        table_written(m, at);
        if (!m->pages.code[at / PAGE])
            continue;
        uint64_t from = at < offset ? offset : at, end = at + PAGE < offset + size ? at + PAGE : offset + size;
        drop(m, from, end - from, m->pages.code[at / PAGE]);
        if (several(m))
            memcpy(m->pages.copy + from, m->ram + from, end - from);
    }
}

/* ---- from snapshots ---- */

void page_restore(vmm_machine *m, uint64_t page, const uint8_t *bytes)
{
    uint8_t *now = m->ram + page * PAGE;
    if (!m->pages.code[page]) {
        memcpy(now, bytes, PAGE);
        return;
    }
    follow(m, page, now, bytes, m->pages.code[page]);
    if (several(m))
        memcpy(m->pages.copy + page * PAGE, now, PAGE);
}

void flash_page_restore(vmm_machine *m, uint64_t page, const uint8_t *bytes)
{
    uint8_t *now = m->rom + page * PAGE;
    if (bytes)
        memcpy(now, bytes, PAGE);
    else
        memset(now, 0xff, PAGE);
    pages_drop_flash(m);
}

int pages_new(vmm_machine *m)
{
    const struct { uint8_t **at; uint64_t size; } tables[] = {
        {&m->pages.code, m->ram_size / PAGE},
        {&m->pages.tables, m->ram_size / PAGE},
        {&m->pages.untold, m->ram_size / PAGE},
        {&m->pages.copy, m->ram_size},
        {&m->pages.dirty, pages_count(m)},
        {(uint8_t **)&m->pages.written, pages_count(m) * sizeof *m->pages.written},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!(*tables[i].at = lazy_zeros(m, tables[i].size)))
            return -1;
    return 0;
}

void pages_free(vmm_machine *m)
{
    lazy_free(m->pages.code, m->ram_size / PAGE);
    lazy_free(m->pages.tables, m->ram_size / PAGE);
    lazy_free(m->pages.untold, m->ram_size / PAGE);
    lazy_free(m->pages.copy, m->ram_size);
    lazy_free(m->pages.dirty, pages_count(m));
    lazy_free(m->pages.written, pages_count(m) * sizeof *m->pages.written);
}
