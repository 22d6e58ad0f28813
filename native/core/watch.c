/*
 * Accesses to memory that somebody waits for, told by Unicorn's memory callbacks, which cost every access: so they are there
 * only while somebody does. They are taken away as late as the next run without, for who looks on in single steps waits anew
 * at each. What the core itself reads, of tables say, is told to nobody.
 */
#include "core/arch.h"
#include "core/memory.h"
#include "core/trigger.h"
#include "core/watch.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"

enum { PAGE_BYTES = 4096 };

static uint64_t in_ram(const vmm_machine *m, uint64_t physical)
{
    uint64_t in_alias = physical - m->alias_first;
    return in_alias < m->alias_size ? m->alias_of + in_alias : physical;
}

/* Of an access across pages only where the first part lies is told. */
static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)value;
    vmm_vcpu *v = user;
    trigger_accessed(v, in_ram(v->machine, address), (uint64_t)size, type == UC_MEM_WRITE);
    if (v->arch->goes_on)
        v->arch->goes_on(v);
}

void watch_settle_hooks(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[i];
        if (m->triggers.watched == (m->watch_hook[i] != 0))
            continue;
        if (m->triggers.watched)
            uc_tell_accesses(v, &m->watch_hook[i], on_access, v);
        else
            uc_tell_accesses_no_more(v, &m->watch_hook[i]);
    }
}

void watch_written(vmm_machine *m, uint64_t physical, uint64_t size)
{
    if (m->running && m->current)
        trigger_accessed(m->current, in_ram(m, physical), size, true);
}

uint64_t vmm_physical(vmm_vcpu *v, uint64_t linear)
{
    uint64_t page = v->arch->physical ? v->arch->physical(v, linear & ~(uint64_t)(PAGE_BYTES - 1)) : linear;
    if (page == ~0ull)
        return ~0ull;
    uint64_t physical = in_ram(v->machine, page + (linear & (PAGE_BYTES - 1)));
    return ram_at(v->machine, physical, 1) ? physical : ~0ull;
}
