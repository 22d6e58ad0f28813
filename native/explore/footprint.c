/*
 * Unicorn tells of each load and store by its physical address, the core of those that it makes itself, and of Python's.
 * What is executed and what translations come from is not told: pages that hold code or tables are taken as used wholly,
 * see explore.c.
 */
#include "explore/accesses.h"
#include "explore/footprint.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"

void footprint_clear(footprint *f)
{
    set_clear(&f->live);
    set_clear(&f->wrote);
    f->beyond = 0;
    f->grown = 0;
}

void footprint_free(footprint *f)
{
    set_free(&f->live);
    set_free(&f->wrote);
}

void footprint_precede(const footprint *f, const byte_set *live, byte_set *out)
{
    set_unite(out, &f->live, NULL);
    set_unite(out, live, &f->wrote);
}

/* So many of the bytes are RAM's, from `offset` on. */
static uint64_t in_ram(const vmm_machine *m, uint64_t physical, uint64_t size, uint64_t *offset)
{
    uint64_t in_alias = physical - m->alias_first;
    *offset = (in_alias < m->alias_size ? m->alias_of + in_alias : physical) - m->ram_base;
    uint64_t room = *offset < m->ram_size ? m->ram_size - *offset : 0;
    return size < room ? size : room;
}

static void accessed(const watcher *w, uint64_t physical, uint64_t size, uint8_t how)
{
    const vmm_machine *m = w->machine;
    uint64_t offset, known = in_ram(m, physical, size, &offset);
    if (!known)
        return;
    if (w->each)
        accesses_note(w->each, m, offset, known, how);
    if (!w->now)
        return;
    if (how == VMM_TOUCH_WRITE)
        set_add(&w->now->wrote, offset, known);
    else
        set_add_but(&w->now->live, offset, known, &w->now->wrote);
}

/* Who asked for the memory may write it: what was there before counts as read. A frame is written whatever was there. */
static void by_core(void *who, uint64_t physical, uint64_t size, int write)
{
    const watcher *w = who;
    uint64_t offset;
    if (!write)
        accessed(w, physical, size, VMM_TOUCH_CORE);
    else if (w->now && (size = in_ram(w->machine, physical, size, &offset)))
        set_add(&w->now->wrote, offset, size);
}

static void reads_beyond(const watcher *w, uint64_t bytes)
{
    w->now->beyond = bytes > w->now->beyond ? bytes : w->now->beyond;
    if (!w->by_name)
        set_add_all(&w->now->live);
}

/* Of an access across pages only where the first part lies is told: of a store no more is taken, of a load everything. */
static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    enum { PAGE = 4096 };
    (void)engine, (void)value;
    const watcher *w = user;
    uint64_t room = PAGE - address % PAGE, known = (uint64_t)size < room ? (uint64_t)size : room;
    accessed(w, address, known, type == UC_MEM_WRITE ? VMM_TOUCH_WRITE : VMM_TOUCH_READ);
    if (w->now && known < (uint64_t)size && type != UC_MEM_WRITE)
        reads_beyond(w, (uint64_t)size - known);
    vmm_vcpu *v = w->machine->current;
    if (v->arch->goes_on)
        v->arch->goes_on(v);
}

/* Registers have bytes behind those of RAM, a page of each vCPU's. */
static uint64_t page_of_registers(const vmm_machine *m, uint32_t vcpu)
{
    return m->ram_size / SET_PAGE + vcpu;
}

static void register_accessed(void *who, uint32_t vcpu, uint32_t number, int write)
{
    const watcher *w = who;
    if (!w->now)
        return;
    uint64_t offset = page_of_registers(w->machine, vcpu) * SET_PAGE + number;
    if (write)
        set_add(&w->now->wrote, offset, 1);
    else
        set_add_but(&w->now->live, offset, 1, &w->now->wrote);
}

bool registers_meet(const vmm_machine *m, const byte_set *live, uint32_t vcpu, uint64_t numbers)
{
    const uint64_t bits[SET_WORDS] = {numbers};
    return set_meets(live, page_of_registers(m, vcpu), bits);
}

void watch_python(watcher *w)
{
    const vmm_machine *m = w->machine;
    for (uint32_t i = 0; w->now && i < m->vcpu_count; i++)
        set_add(&w->now->live, page_of_registers(m, i) * SET_PAGE, 64);
}

void watch_settle(watcher *w)
{
    if (!w->machine)
        return;
    if (w->host_calls != w->machine->host_calls)
        watch_python(w);
    w->host_calls = w->machine->host_calls;
}

int watch_begin(watcher *w, vmm_machine *m)
{
    w->machine = m;
    m->register_accessed = register_accessed;
    m->accessed = by_core;
    m->accessed_by = w;
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        if (!uc_tell_accesses(m->vcpus[i], &w->hook[i], on_access, w))
            return fail(m, "Unicorn cannot tell of accesses");
        const struct vmm_arch *arch = m->vcpus[i]->arch;
        if (arch->watch_leftover && arch->watch_leftover(m->vcpus[i], true))
            return fail(m, "Unicorn cannot tell of registers");
        m->vcpus[i]->flush_code = 1; /* what is translated has no such calls */
    }
    return 0;
}

void watch_end(watcher *w)
{
    vmm_machine *m = w->machine;
    if (!m)
        return;
    m->accessed = NULL;
    m->register_accessed = NULL;
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        uc_tell_accesses_no_more(m->vcpus[i], &w->hook[i]);
        if (m->vcpus[i]->arch->watch_leftover)
            m->vcpus[i]->arch->watch_leftover(m->vcpus[i], false);
        m->vcpus[i]->flush_code = 1;
    }
}
