/*
 * LPIs of a redistributor (Arm IHI0069 5.1): priority and enable in the configuration table at GICR_PROPBASER, pending
 * in the table at GICR_PENDBASER. The tables in guest memory are the only home of both; what is kept is the best LPI.
 */
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/trace.h"
#include "intc/gic/state.h"

enum {
    CONFIG_ENABLE = 1,
    CONFIG_PRIORITY = 0xfc,
    ID_BITS_FIELD = 0x1f, /* PROPBASER: bits of INTID, less one */
    LEAST_ID_BITS = 14    /* fewer make no LPI */
};
#define PROPBASER_ADDRESS 0x000ffffffffff000ULL
#define PENDBASER_ADDRESS 0x000fffffffff0000ULL

/* One above the last INTID that the tables cover. */
static uint32_t end_of_ids(const vmm_gic_cpu *c)
{
    uint32_t bits = (uint32_t)(c->propbaser & ID_BITS_FIELD) + 1;
    return bits < LEAST_ID_BITS ? 0 : bits < 16 ? 1u << bits : GIC_END_OF_LPIS;
}

static bool is_lpi(const vmm_gic_cpu *c, uint32_t intid)
{
    return c->lpis_on && intid >= VMM_GIC_FIRST_LPI && intid < end_of_ids(c);
}

/* Who looks on is told that the guest's memory was read (vmm_memory). */
static uint8_t *table_at(const vmm_machine *m, uint64_t physical, uint64_t size)
{
    return vmm_memory((vmm_machine *)(uintptr_t)m, physical, size);
}

static uint8_t *pending_byte(const vmm_machine *m, const vmm_gic_cpu *c, uint32_t intid)
{
    return table_at(m, (c->pendbaser & PENDBASER_ADDRESS) + intid / 8, 1);
}

/* With two Security states LPIs are Non-secure ones, in the lower half of the priorities (IHI0069 5.1.1). */
static uint8_t priority_of(const vmm_machine *m, uint8_t config)
{
    return gic_priority_meant(config & CONFIG_PRIORITY, gic_of(m)->two_states);
}

/* Let an LPI be the best if it is enabled and goes before the present one. */
static void consider(const vmm_machine *m, vmm_gic_cpu *c, uint32_t intid)
{
    const uint8_t *config = table_at(m, (c->propbaser & PROPBASER_ADDRESS) + intid - VMM_GIC_FIRST_LPI, 1);
    if (!config || !(*config & CONFIG_ENABLE))
        return;
    uint8_t priority = priority_of(m, *config);
    if (c->lpi != VMM_GIC_NONE && (priority > c->lpi_priority || (priority == c->lpi_priority && intid > c->lpi)))
        return;
    c->lpi = intid;
    c->lpi_priority = priority;
}

/* The first pending LPI from `intid` on; 0: none. */
static uint32_t next_pending(const vmm_machine *m, const vmm_gic_cpu *c, uint32_t intid)
{
    uint32_t end = end_of_ids(c);
    for (uint32_t word = intid & ~63u; c->lpis_on && word < end; word += 64) {
        const uint8_t *bytes = table_at(m, (c->pendbaser & PENDBASER_ADDRESS) + word / 8, 8);
        if (!bytes)
            return 0;
        uint64_t bits = 0;
        for (int i = 0; i < 8; i++)
            bits |= (uint64_t)bytes[i] << (8 * i);
        if (word < intid)
            bits &= ~0ULL << (intid & 63);
        if (bits)
            return word + (uint32_t)__builtin_ctzll(bits);
    }
    return 0;
}

/* Finds the best again; the caller refreshes. */
static void scan(vmm_machine *m, uint32_t cpu)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->lpi = VMM_GIC_NONE;
    for (uint32_t intid = VMM_GIC_FIRST_LPI; (intid = next_pending(m, c, intid)); intid++)
        consider(m, c, intid);
}

/* False: it was so before, or is none. */
static bool set_pending(vmm_machine *m, uint32_t cpu, uint32_t intid, bool pending)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    uint8_t *byte = is_lpi(c, intid) ? pending_byte(m, c, intid) : NULL, bit = (uint8_t)(1u << (intid & 7));
    if (!byte || ((*byte & bit) != 0) == pending)
        return false;
    *byte ^= bit;
    vmm_memory_written(m, m->ram_base + (uint64_t)(byte - m->ram), 1);
    if (pending)
        consider(m, c, intid);
    else if (c->lpi == intid)
        scan(m, cpu);
    return true;
}

void gic_lpi_taken(vmm_machine *m, uint32_t cpu)
{
    set_pending(m, cpu, gic_cpu(m, cpu)->lpi, false);
}

uint64_t gic_lpi_raised(const vmm_machine *m, uint32_t intid)
{
    uint32_t n = intid - VMM_GIC_FIRST_LPI;
    return n < VMM_GIC_TIMED_LPIS ? gic_of(m)->lpi_raised[n] : insns_so_far(m);
}

/* ---- what an ITS does ---- */

void vmm_gic_lpi(vmm_machine *m, uint32_t cpu, uint32_t intid, int pending)
{
    if (!gic_has(m, cpu) || !set_pending(m, cpu, intid, pending != 0))
        return;
    if (pending && intid - VMM_GIC_FIRST_LPI < VMM_GIC_TIMED_LPIS)
        gic_of(m)->lpi_raised[intid - VMM_GIC_FIRST_LPI] = insns_so_far(m);
    if (pending)
        trace_note(m, VMM_EV_PENDING, intid, cpu);
    gic_refresh(m, cpu);
}

uint32_t vmm_gic_lpi_next(vmm_machine *m, uint32_t cpu, uint32_t intid)
{
    uint32_t first = intid < VMM_GIC_FIRST_LPI ? VMM_GIC_FIRST_LPI : intid;
    return gic_has(m, cpu) ? next_pending(m, gic_cpu(m, cpu), first) : 0;
}

void vmm_gic_lpi_reload(vmm_machine *m, uint32_t cpu)
{
    if (!gic_has(m, cpu))
        return;
    scan(m, cpu);
    gic_refresh(m, cpu);
}

void vmm_gic_lpi_move(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid)
{
    if (!gic_has(m, from) || !gic_has(m, to) || !set_pending(m, from, intid, false))
        return;
    set_pending(m, to, intid, true);
    gic_refresh(m, from);
    gic_refresh(m, to);
}

void vmm_gic_lpi_move_all(vmm_machine *m, uint32_t from, uint32_t to)
{
    if (!gic_has(m, from) || !gic_has(m, to) || from == to)
        return;
    for (uint32_t intid = VMM_GIC_FIRST_LPI; (intid = next_pending(m, gic_cpu(m, from), intid)); intid++)
        vmm_gic_lpi_move(m, from, to, intid);
}
