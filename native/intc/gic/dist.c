/* The distributor's register map: GICv2 (Arm IHI0048B 4.3) and GICv3 with affinity routing (IHI0069 2.3). */
#include "intc/gic/state.h"

enum {
    CTLR = 0x000,
    TYPER = 0x004,
    IIDR = 0x008,
    TYPER2 = 0x00c,
    STATUSR = 0x010,
    FIRST_OF_BANKS = 0x080,
    SGIR = 0xf00,
    CPENDSGIR = 0xf10,
    SPENDSGIR = 0xf20,
    SGI_STATES_END = 0xf30,
    V2_IDS = 0xfd0,
    V2_END = 0x1000,
    IROUTER = 0x6000, /* of INTID 0; SPIs have theirs */
    IROUTER_END = IROUTER + 8 * GIC_INTIDS,
    V3_IDS = 0xffd0,
    V3_END = 0x10000,

    CTLR_ARE = 0x10, /* of the accessing state, or Secure */
    CTLR_ARE_NS = 0x20,
    CTLR_DS = 0x40,

    TYPER_BANKS = VMM_GIC_SPI_BANKS, /* ITLinesNumber */
    TYPER_CPUS_SHIFT = 5,
    TYPER_SECURITY = 1 << 10,
    TYPER_LPIS = 1 << 17,
    TYPER_ID_BITS = 15 << 19,
    TYPER_RSS = 1 << 26,

    ROUTER_IRM = 1u << 31,
    ROUTER_BITS = 0x80ffffff /* no Aff3 */
};

static uint64_t reserved(vmm_machine *m, uint64_t offset)
{
    vmm_guest_error(m, VMM_GE_RESERVED, offset);
    return 0;
}

static bool is_word(uint64_t offset, uint32_t size)
{
    return size == 4 && !(offset & 3);
}

/* ---- GICD_CTLR ---- */

/* One register, four layouts (IHI0048B 4.3.1, IHI0069). The bits of enum vmm_gic_class are the Secure ones. */
static uint32_t ctlr_read(const vmm_machine *m, bool restricted)
{
    const vmm_gic *g = gic_of(m);
    uint32_t group1 = g->groups >> VMM_GIC_G1 & 1;
    if (g->version == 2)
        return restricted ? group1 : g->groups;
    if (restricted)
        return group1 << 1 | CTLR_ARE;
    return g->groups | CTLR_ARE | (g->two_states ? CTLR_ARE_NS : CTLR_DS);
}

static void ctlr_write(vmm_machine *m, uint32_t value, bool restricted)
{
    vmm_gic *g = gic_of(m);
    uint32_t group1 = g->version == 2 ? value & 1 : value >> 1 & 1;
    if (restricted)
        g->groups = (uint8_t)((g->groups & ~(1u << VMM_GIC_G1)) | group1 << VMM_GIC_G1);
    else
        g->groups = value & (g->version == 3 && g->two_states ? 7 : 3);
    gic_refresh_all(m);
}

static uint32_t typer(const vmm_machine *m)
{
    const vmm_gic *g = gic_of(m);
    uint32_t value = TYPER_BANKS | (g->two_states ? TYPER_SECURITY : 0);
    if (g->version == 2)
        return value | (g->cpus - 1u) << TYPER_CPUS_SHIFT;
    return value | TYPER_LPIS | TYPER_ID_BITS | TYPER_RSS;
}

/* ---- GICv2: SGIs ---- */

/* With two Security states an SGI goes only to CPUs that have it in the group that is meant (IHI0048B 4.3.15). */
static bool sgi_allowed(const vmm_machine *m, uint32_t to, uint32_t intid, uint32_t value, bool restricted)
{
    if (!gic_of(m)->two_states)
        return true;
    uint32_t group = gic_cpu(m, to)->local.group >> intid & 1;
    return group == (restricted ? 1 : value >> 15 & 1);
}

static void sgir_write(vmm_machine *m, uint32_t cpu, uint32_t value, bool restricted)
{
    uint32_t intid = value & 0xf, present = (1u << gic_of(m)->cpus) - 1, targets;
    switch (value >> 24 & 3) {
    case 0:
        targets = value >> 16 & 0xff;
        break;
    case 1:
        targets = present & ~(1u << cpu);
        break;
    case 2:
        targets = 1u << cpu;
        break;
    default:
        reserved(m, SGIR);
        return;
    }
    if (targets & ~present)
        vmm_guest_error(m, VMM_GE_SGI_TARGET, value);
    for (targets &= present; targets; targets &= targets - 1) {
        uint32_t to = (uint32_t)__builtin_ctz(targets);
        if (sgi_allowed(m, to, intid, value, restricted))
            gic_sgi(m, cpu, to, intid);
    }
}

/* CPENDSGIR and SPENDSGIR: a byte an SGI, a bit a source (IHI0048B 4.3.16-17). */
static uint32_t sgi_sources(const vmm_machine *m, uint32_t cpu, uint32_t intid, bool restricted)
{
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    return restricted && !(c->local.group >> intid & 1) ? 0 : c->sgi_from[intid];
}

static void sgi_sources_write(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t sources, bool set, bool restricted)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (restricted && !(c->local.group >> intid & 1))
        return;
    sources &= (1u << gic_of(m)->cpus) - 1;
    if (!set) {
        uint32_t pending = gic_pending(&c->local);
        c->sgi_from[intid] &= (uint8_t)~sources;
        if (!c->sgi_from[intid])
            c->local.latched &= ~(1u << intid);
        gic_note_states(m, cpu, 0, pending & ~gic_pending(&c->local));
        gic_bank_changed(m, cpu, 0);
        return;
    }
    for (; sources; sources &= sources - 1)
        gic_sgi(m, (uint32_t)__builtin_ctz(sources), cpu, intid);
}

static bool sgi_states_fit(uint64_t offset, uint32_t size)
{
    return offset >= CPENDSGIR && offset < SGI_STATES_END && (size == 1 || is_word(offset, size));
}

/* ---- GICv3: routes ---- */

static void route(vmm_machine *m, uint32_t spi, uint32_t router)
{
    vmm_gic *g = gic_of(m);
    uint32_t bank = spi / 32, bit = 1u << spi % 32;
    g->router[spi] = router;
    g->anyone[bank] = router & ROUTER_IRM ? g->anyone[bank] | bit : g->anyone[bank] & ~bit;
    for (uint32_t i = 0; i < g->cpus; i++) {
        uint32_t *reached = &g->cpu[i].reached[bank];
        *reached = router == i ? *reached | bit : *reached & ~bit;
    }
    gic_bank_changed(m, 0, 1 + bank);
}

static bool router_fits(uint64_t offset, uint32_t size)
{
    bool fits = is_word(offset, size) || (size == 8 && !(offset & 7));
    return fits && offset >= IROUTER + 8 * 32 && offset < IROUTER_END;
}

static bool router_visible(const vmm_machine *m, uint32_t spi, bool restricted)
{
    return !restricted || gic_of(m)->spi[spi / 32].group >> spi % 32 & 1;
}

/* ---- the maps ---- */

static uint64_t common_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, bool restricted)
{
    if (offset >= FIRST_OF_BANKS)
        return gic_bank_read(m, cpu, offset, size, restricted);
    if (!is_word(offset, size))
        return reserved(m, offset);
    switch (offset) {
    case CTLR:
        return ctlr_read(m, restricted);
    case TYPER:
        return typer(m);
    case IIDR:
        return GIC_IMPLEMENTER;
    default:
        return reserved(m, offset);
    }
}

static void common_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value, bool restricted)
{
    if (offset >= FIRST_OF_BANKS)
        gic_bank_write(m, cpu, offset, size, value, restricted);
    else if (is_word(offset, size) && offset == CTLR)
        ctlr_write(m, (uint32_t)value, restricted);
    else if (!is_word(offset, size) || offset > IIDR)
        reserved(m, offset);
}

static uint64_t v2_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, bool restricted)
{
    uint64_t value = 0;
    if (offset < SGIR)
        return common_read(m, cpu, offset, size, restricted);
    if (offset >= V2_IDS && offset < V2_END && is_word(offset, size))
        return gic_identification(m, offset);
    if (!sgi_states_fit(offset, size))
        return reserved(m, offset); /* SGIR is write-only, too */
    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)sgi_sources(m, cpu, (offset + i) & 0xf, restricted) << (8 * i);
    return value;
}

static void v2_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value, bool restricted)
{
    if (offset < SGIR) {
        common_write(m, cpu, offset, size, value, restricted);
    } else if (offset == SGIR && size == 4) {
        sgir_write(m, cpu, (uint32_t)value, restricted);
    } else if (sgi_states_fit(offset, size)) {
        for (uint32_t i = 0; i < size; i++)
            sgi_sources_write(m, cpu, (offset + i) & 0xf, value >> (8 * i) & 0xff, offset >= SPENDSGIR, restricted);
    } else if (offset < V2_IDS || offset >= V2_END || !is_word(offset, size)) {
        reserved(m, offset);
    }
}

/* With affinity routing the first 32 interrupts are the redistributors', and ITARGETSR is RES0 (IHI0069 2.3). */
static bool v3_is_elsewhere(uint64_t offset)
{
    return offset >= FIRST_OF_BANKS && offset < SGIR && gic_bank_of(offset) == 0;
}

static uint64_t v3_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, bool restricted)
{
    if ((offset == TYPER2 || offset == STATUSR) && size == 4)
        return 0;
    if (v3_is_elsewhere(offset))
        return 0;
    if (offset < SGIR)
        return common_read(m, cpu, offset, size, restricted);
    if (offset >= V3_IDS && offset < V3_END && is_word(offset, size))
        return gic_identification(m, offset);
    if (!router_fits(offset, size))
        return reserved(m, offset);
    uint32_t spi = (uint32_t)(offset - IROUTER) / 8 - 32;
    return offset & 4 || !router_visible(m, spi, restricted) ? 0 : gic_of(m)->router[spi];
}

static void v3_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value, bool restricted)
{
    if ((offset == TYPER2 || offset == STATUSR) && size == 4)
        return;
    if (v3_is_elsewhere(offset))
        return;
    if (offset < SGIR) {
        common_write(m, cpu, offset, size, value, restricted);
    } else if (router_fits(offset, size)) {
        uint32_t spi = (uint32_t)(offset - IROUTER) / 8 - 32;
        if (!(offset & 4) && router_visible(m, spi, restricted))
            route(m, spi, (uint32_t)value & ROUTER_BITS);
    } else if (offset < V3_IDS || offset >= V3_END || !is_word(offset, size)) {
        reserved(m, offset);
    }
}

uint64_t vmm_gic_dist_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    if (!gic_has(m, cpu))
        return 0;
    bool restricted = gic_restricted(m, cpu);
    return gic_of(m)->version == 2 ? v2_read(m, cpu, offset, size, restricted) : v3_read(m, cpu, offset, size, restricted);
}

void vmm_gic_dist_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    if (!gic_has(m, cpu))
        return;
    bool restricted = gic_restricted(m, cpu);
    if (gic_of(m)->version == 2)
        v2_write(m, cpu, offset, size, value, restricted);
    else
        v3_write(m, cpu, offset, size, value, restricted);
}

void vmm_gic_send_sgi(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid)
{
    if (gic_of(m)->version == 2)
        vmm_gic_dist_write(m, from, SGIR, 4, 1ull << (16 + to) | intid);
    else
        vmm_gic_icc_write(m, from, VMM_ICC_SGI1R, VMM_GIC_NONSECURE, (uint64_t)intid << 24 | 1ull << to);
}

/* ---- as memory ---- */

static uint64_t memory_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)range;
    return vmm_gic_dist_read(m, cpu, offset, size);
}

static void memory_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)range;
    vmm_gic_dist_write(m, cpu, offset, size, value);
}

const range_owner gic_distributor = {memory_read, memory_write};
