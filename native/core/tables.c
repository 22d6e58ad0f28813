/*
 * Translations follow the tables they came from.
 *
 * SDM vol. 3A 4.10 and DDI0487 D5.9 let a processor keep a translation until it is told to forget it, and let it forget at
 * any time. What Unicorn keeps depends on what else it translated, and nothing of it is in a snapshot: a guest that forgets
 * to invalidate would go one way or the other, by whether somebody looks on. So here a vCPU forgets at the next
 * instruction after an entry was written that may have given a translation. One that held nothing has given none.
 */
#include "core/bus.h"
#include "core/clock.h"
#include "core/pages.h"
#include "core/tables.h"

enum { ENTRY = 8 };

bool table_read(vmm_vcpu *v, uint64_t physical, bool looks)
{
    vmm_machine *m = v->machine;
    uint8_t bit = (uint8_t)(1u << v->index);
    uint64_t offset = physical - m->ram_base, page = offset / PAGE;
    if (offset >= m->ram_size)
        return bus_walk(v, physical, looks);
    if (looks || m->pages.tables[page] & bit)
        return true;
    m->pages.tables[page] |= bit;
    m->pages.untold[page] = 1;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->make_clean(m->vcpus[i]->cpu, (uintptr_t)(m->ram + page * PAGE), PAGE);
    return true;
}

static void forget(vmm_machine *m, uint64_t page)
{
    uint8_t whose = m->pages.tables[page];
    m->pages.tables[page] = 0; /* until a walk comes there again */
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        if (!(whose >> i & 1))
            continue;
        m->vcpus[i]->flush_tlb = 1;
        m->vcpus[i]->pending |= VMM_PEND_CODE;
        vcpu_rearm(m->vcpus[i]);
    }
}

void table_stored(vmm_machine *m, uint64_t offset, uint64_t size)
{
    if (!size) /* the walk's own accessed and dirty bits */
        return;
    uint64_t first = offset / ENTRY * ENTRY, end = (offset + size + ENTRY - 1) / ENTRY * ENTRY;
    if (end > m->ram_size)
        end = m->ram_size;
    for (uint64_t at = first; at < end; at++) {
        if (m->ram[at]) {
            forget(m, offset / PAGE);
            return;
        }
    }
}

void table_written(vmm_machine *m, uint64_t offset)
{
    if (m->pages.tables[offset / PAGE])
        forget(m, offset / PAGE);
}
