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
        size_t hook = m->watch_hook[i];
        if (m->triggers.watched == (hook != 0))
            continue;
        if (m->triggers.watched)
            uc.hook_add(v->uc, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access, v, (uint64_t)1, (uint64_t)0);
        else
            uc.hook_del(v->uc, hook);
        m->watch_hook[i] = m->triggers.watched ? hook : 0;
        v->flush_code = 1; /* what is translated has the callback or has it not */
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
