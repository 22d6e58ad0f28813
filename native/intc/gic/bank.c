/*
 * The registers of 32 interrupts each, from IGROUPR to NSACR: the distributor has them for SPIs and, in GICv2, for each
 * CPU's SGIs and PPIs; a GICv3 redistributor's SGI frame for its own. One layout (Arm IHI0048B 4.3, IHI0069).
 */
#include "core/trace.h"
#include "intc/gic/state.h"

/* Offset bits [11:7] tell the registers apart: 128 bytes hold one bit for each of 1024 interrupts. */
enum {
    IGROUPR = 0x080 >> 7,
    ISENABLER = 0x100 >> 7,
    ICENABLER = 0x180 >> 7,
    ISPENDR = 0x200 >> 7,
    ICPENDR = 0x280 >> 7,
    ISACTIVER = 0x300 >> 7,
    ICACTIVER = 0x380 >> 7,
    IPRIORITYR = 0x400 >> 7, /* a byte an interrupt */
    ITARGETSR = 0x800 >> 7,  /* a byte an interrupt, GICv2 */
    ICFGR = 0xc00 >> 7,      /* two bits an interrupt */
    IGRPMODR = 0xd00 >> 7,
    GAP = 0xd80 >> 7,
    NSACR = 0xe00 >> 7, /* two bits an interrupt */
    END = 0xf00 >> 7
};

static uint32_t kind_of(uint64_t offset)
{
    uint32_t kind = offset >> 7 & 0x1f;
    if (kind < IPRIORITYR || kind == IGRPMODR || kind == GAP || kind >= END)
        return kind;
    return kind < ITARGETSR ? IPRIORITYR : kind < ICFGR ? ITARGETSR : kind < IGRPMODR ? ICFGR : NSACR;
}

/* The first interrupt that an access concerns. */
static uint32_t first_of(uint64_t offset)
{
    switch (kind_of(offset)) {
    case IPRIORITYR:
    case ITARGETSR:
        return offset & 0x3ff;
    case ICFGR:
    case NSACR:
        return 4 * (offset & 0xff);
    default:
        return 8 * (offset & 0x7f);
    }
}

uint32_t gic_bank_of(uint64_t offset)
{
    return first_of(offset) / 32;
}

static bool width_fits(const vmm_machine *m, uint32_t kind, uint64_t offset, uint32_t size)
{
    bool bytes = kind == IPRIORITYR || (kind == ITARGETSR && gic_of(m)->version == 2);
    return (size == 4 && !(offset & 3)) || (size == 1 && bytes);
}

static bool exists(const vmm_machine *m, uint32_t kind)
{
    return kind >= IGROUPR && kind < END && kind != GAP && !(kind == IGRPMODR && gic_of(m)->version == 2);
}

static uint32_t visible(const vmm_gic_bank *b, bool restricted)
{
    return restricted ? b->group : 0xffffffff;
}

/* ---- targets (GICv2) ---- */

static bool has_targets(const vmm_machine *m)
{
    const vmm_gic *g = gic_of(m);
    return g->version == 2 && !(g->cpus == 1 && g->raz_targets);
}

/* The first 32 read as the reading CPU; bits of absent CPUs are RAZ/WI (IHI0048B 4.3.12). */
static uint32_t target_read(const vmm_machine *m, uint32_t cpu, uint32_t intid)
{
    const vmm_gic *g = gic_of(m);
    uint32_t targets = 0;
    if (!has_targets(m))
        return 0;
    if (intid < 32)
        return 1u << cpu;
    for (uint32_t i = 0; i < g->cpus; i++)
        targets |= (g->cpu[i].reached[intid / 32 - 1] >> intid % 32 & 1) << i;
    return targets;
}

static void target_write(vmm_machine *m, uint32_t intid, uint32_t targets)
{
    vmm_gic *g = gic_of(m);
    uint32_t bit = 1u << intid % 32;
    if (!has_targets(m) || intid < 32)
        return;
    for (uint32_t i = 0; i < g->cpus; i++) {
        uint32_t *reached = &g->cpu[i].reached[intid / 32 - 1];
        *reached = targets >> i & 1 ? *reached | bit : *reached & ~bit;
    }
}

/* ---- reads ---- */

static uint32_t byte_read(vmm_machine *m, uint32_t cpu, uint32_t kind, uint32_t intid, bool restricted)
{
    const vmm_gic_bank *b = gic_bank(m, cpu, intid / 32);
    uint32_t n = intid % 32;
    if (!(visible(b, restricted) >> n & 1))
        return 0;
    return kind == ITARGETSR ? target_read(m, cpu, intid) : gic_priority_shown(b->priority[n], restricted);
}

static uint32_t config_read(const vmm_gic_bank *b, uint32_t first, bool restricted)
{
    uint32_t value = 0, edges = b->edge & visible(b, restricted);
    for (uint32_t i = 0; i < 16; i++)
        value |= (edges >> (first + i) & 1) << (2 * i + 1);
    return value;
}

static uint32_t word_read(const vmm_machine *m, const vmm_gic_bank *b, uint32_t kind, bool restricted)
{
    uint32_t seen = visible(b, restricted);
    switch (kind) {
    case IGROUPR:
        return restricted ? 0 : b->group;
    case ISENABLER:
    case ICENABLER:
        return b->enabled & seen;
    case ISPENDR:
    case ICPENDR:
        return gic_pending(b) & seen;
    case ISACTIVER:
    case ICACTIVER:
        return b->active & seen;
    case IGRPMODR:
        return restricted || !gic_of(m)->two_states ? 0 : b->modifier;
    default: /* NSACR: no access is handed down */
        return 0;
    }
}

uint64_t gic_bank_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, bool restricted)
{
    uint32_t kind = kind_of(offset), first = first_of(offset), value = 0;
    if (!exists(m, kind) || !width_fits(m, kind, offset, size)) {
        vmm_guest_error(m, VMM_GE_RESERVED, offset);
        return 0;
    }
    if (first >= GIC_INTIDS)
        return 0;
    const vmm_gic_bank *b = gic_bank(m, cpu, first / 32);
    if (kind == ICFGR)
        return config_read(b, first % 32, restricted);
    if (kind != IPRIORITYR && kind != ITARGETSR)
        return word_read(m, b, kind, restricted);
    for (uint32_t i = 0; i < size; i++)
        value |= byte_read(m, cpu, kind, first + i, restricted) << (8 * i);
    return value;
}

/* ---- writes ---- */

static void byte_write(vmm_machine *m, uint32_t cpu, uint32_t kind, uint32_t intid, uint32_t value, bool restricted)
{
    vmm_gic_bank *b = gic_bank(m, cpu, intid / 32);
    if (!(visible(b, restricted) >> intid % 32 & 1))
        return;
    if (kind == ITARGETSR)
        target_write(m, intid, value);
    else
        b->priority[intid % 32] = gic_priority_meant(value, restricted);
}

void gic_note_states(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t changed)
{
    const vmm_gic_bank *b = gic_bank(m, cpu, bank);
    if (!m->current || !trace_is_whole(m))
        return;
    for (; changed; changed &= changed - 1) {
        uint32_t n = (uint32_t)__builtin_ctz(changed);
        trace_derive(m->current, &(vmm_event){.kind = VMM_EV_STATE_SET, .number = 32 * bank + n, .flags = bank ? 0 : cpu,
                                              .value = (gic_pending(b) >> n & 1) | (b->active >> n & 1) << 1
                                                  | (b->latched >> n & 1) << 2,
                                              .pc = trace_place(m->current)});
    }
}

/* The upper bit of each pair; SGIs are always edge-triggered. */
static void config_write(vmm_machine *m, uint32_t cpu, uint32_t first_intid, uint32_t value, bool restricted)
{
    vmm_gic_bank *b = gic_bank(m, cpu, first_intid / 32);
    uint32_t pending = gic_pending(b);
    if (first_intid < GIC_SGIS)
        return;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t bit = 1u << (first_intid % 32 + i) & visible(b, restricted);
        b->edge = value >> (2 * i + 1) & 1 ? b->edge | bit : b->edge & ~bit;
    }
    gic_note_states(m, cpu, first_intid / 32, pending ^ gic_pending(b));
}

static void enable(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t bits, bool on)
{
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    uint32_t changed = bits & (on ? ~b->enabled : b->enabled);
    b->enabled ^= changed;
    for (; changed; changed &= changed - 1)
        trace_note(m, VMM_EV_MASKED, 32 * bank + (uint32_t)__builtin_ctz(changed), !on);
}

static void word_write(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t kind, uint32_t value, bool restricted)
{
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    bool v2_sgis = gic_of(m)->version == 2 && bank == 0;
    uint32_t bits = value & visible(b, restricted);
    uint32_t but_sgis = v2_sgis ? bits & 0xffff0000 : bits;
    uint32_t pending = gic_pending(b), latched = b->latched, active = b->active;
    switch (kind) {
    case IGROUPR:
        b->group = restricted ? b->group : value;
        break;
    case ISENABLER:
    case ICENABLER: /* GICv2: SGIs are always enabled, and pend by CPENDSGIR and SPENDSGIR */
        enable(m, cpu, bank, but_sgis, kind == ISENABLER);
        break;
    case ISPENDR:
        gic_latch(m, cpu, bank, but_sgis);
        gic_note_states(m, cpu, bank, pending & b->latched & ~latched);
        break;
    case ICPENDR: /* a level that is still asserted stays pending (IHI0048B 4.3.8) */
        b->latched &= ~but_sgis;
        gic_note_states(m, cpu, bank, (pending & ~gic_pending(b)) | (latched & ~b->latched));
        break;
    case ISACTIVER:
        b->active |= bits;
        gic_note_states(m, cpu, bank, b->active & ~active);
        break;
    case ICACTIVER:
        b->active &= ~bits;
        gic_note_states(m, cpu, bank, active & ~b->active);
        break;
    case IGRPMODR:
        b->modifier = restricted || !gic_of(m)->two_states ? b->modifier : value;
        break;
    }
}

void gic_bank_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value, bool restricted)
{
    uint32_t kind = kind_of(offset), first = first_of(offset);
    if (!exists(m, kind) || !width_fits(m, kind, offset, size)) {
        vmm_guest_error(m, VMM_GE_RESERVED, offset);
        return;
    }
    if (first >= GIC_INTIDS)
        return;
    if (kind == ICFGR)
        config_write(m, cpu, first, (uint32_t)value, restricted);
    else if (kind == IPRIORITYR || kind == ITARGETSR)
        for (uint32_t i = 0; i < size; i++)
            byte_write(m, cpu, kind, first + i, value >> (8 * i) & 0xff, restricted);
    else
        word_write(m, cpu, first / 32, kind, (uint32_t)value, restricted);
    gic_bank_changed(m, cpu, first / 32);
}

/* ---- identification ---- */

uint32_t gic_identification(const vmm_machine *m, uint64_t offset)
{
    /* CoreSight's PIDR4-7, PIDR0-3, CIDR0-3: Arm's designer code, part numbers of GIC-400 and GIC-500 */
    static const uint8_t IDS[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x0b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    uint32_t n = (uint32_t)(offset & 0x3f) / 4;
    if (n < 4)
        return 0;
    uint32_t value = IDS[n - 4];
    if (n == 8 && gic_of(m)->version == 3)
        value = 0x92;
    return n == 10 ? value | (uint32_t)gic_of(m)->version << 4 : value; /* PIDR2: ArchRev */
}
